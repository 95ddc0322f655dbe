/* Python in the page, as three words; whatever can do them can take its place (Pyodide, once NumPy has a wheel for it).

   nnPython.python.start(progress)          loads and starts it; progress(bytes so far, of all)
   nnPython.python.run(code, {output, limit, progress})
                                            -> {status, files}: 0 if nothing was raised, and {name: Uint8Array} of what the
                                            code left in /out; output(stream, text) hears 1 what is printed, 2 errors
   nnPython.python.cell(source, name, ...)  runs a cell as a notebook does; leaves cell.json (guest.run_cell)
   nnPython.python.change(module)           "core", which is NumPy, or "full", with matplotlib: what is started from here on
   nnPython.python.stop(why)                ends it; what runs is rejected with why, the next run starts it anew

   Names are kept from one run to the next; runs wait for one another, and stop() ends those that wait too. An error tells the reader what happened; its
   "kind" is "download", "stopped" or "ended".

   The interpreter is one worker in a frame of its own: the frame's policy forbids the network, and its origin is no
   page's, so that nothing kept for the book is in reach. */
(function () {
  "use strict";
  const nn = window.nnPython;
  const LIMIT = 60e3; // milliseconds a run may take
  const MEMORY = 512 << 4; // pages of 64 KiB
  const SILENCE = 10; // questions, one a second, that the interpreter may leave without an answer
  const FRAME = `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:"><script>
    let parts, worker, turn = 0;
    onmessage = async ({data, ports: [port]}) => {
      if (data.ping) { parent.postMessage({alive: true}, "*"); return; }
      const mine = ++turn;
      if (worker) worker.terminate();
      worker = null;
      if (data.wasm) parts = {module: WebAssembly.compile(data.wasm), files: data.files, url: URL.createObjectURL(new Blob([data.source]))};
      if (data.begin === undefined) return;
      try {
        const module = await parts.module;
        if (mine !== turn) return;
        worker = new Worker(parts.url);
        worker.onerror = (event) => parent.postMessage({ended: "it broke down: " + event.message}, "*");
        worker.postMessage({module, files: parts.files, begin: data.begin, port}, [port]);
      } catch (error) {
        port.postMessage({ended: "it does not start: " + error.message});
      }
    };
  </scr` + `ipt>`;

  function failure(kind, message) {
    return Object.assign(new Error(message), {kind});
  }

  // What is loaded -----------------------------------------------------------------------------------------------

  const kept = {}, pieces = {}, so = {}; // promises of what is unpacked; scripts' pieces; bytes of each file so far
  let loading = null, aborter = null, tell = null;
  nn.piece = (name, number, text) => { (pieces[name] = pieces[name] || [])[number] = text; };

  async function fetched(name, progress, signal) {
    const response = await fetch(nn.at(name), {signal});
    if (!response.ok) throw new Error(response.status);
    const reader = response.body.getReader(), parts = [];
    for (let size = 0; ;) {
      const {done, value} = await reader.read();
      if (done) return new Blob(parts).arrayBuffer();
      parts.push(value);
      progress(size += value.length);
    }
  }

  async function fromScripts(name, progress, signal) { // from a disk a page cannot fetch; it can load scripts
    const file = nn.files[name], parts = [];
    for (let k = 0, size = 0; k < file.pieces; k++) {
      if (!(pieces[name] || [])[k]) await nn.script(`${nn.at(name)}.${k}.js`);
      if (signal.aborted) throw signal.reason;
      const text = atob(pieces[name][k]), bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      parts.push(bytes);
      progress(size += bytes.length);
    }
    delete pieces[name];
    return new Blob(parts).arrayBuffer();
  }

  async function unpacked(name, progress, signal) {
    const get = location.protocol === "file:" || pieces[name] ? fromScripts : fetched;
    let bytes = new Uint8Array(await get(name, progress, signal));
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) { // else the server has unpacked it
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    }
    if (bytes.length !== nn.files[name].unpacked) throw new Error("it came in part");
    return bytes;
  }

  function part(name) { // once; again after a failure, also of an attempt that was stopped and whose script is still on its way
    const {signal} = aborter, begun = () => kept[name] = unpacked(name, (size) => { so[name] = size; tell(); }, signal).catch((error) => {
      delete kept[name];
      throw error;
    });
    return kept[name] ? kept[name].catch(begun) : begun();
  }

  function load(progress) {
    if (loading) return loading;
    if (!aborter || aborter.signal.aborted) aborter = new AbortController();
    const parts = nn.parts[nn.module], total = nn.size(nn.module), {signal} = aborter;
    const loaded = () => Math.min(total, parts.reduce((sum, name) => sum + (so[name] || 0), 0));
    tell = () => progress && progress(loaded(), total);
    loading = (async () => {
      try {
        await Promise.all([nn.worker || nn.script(nn.at("worker")), ...parts.map(part)]);
      } catch (error) {
        loading = null;
        if (signal.aborted) throw failure("stopped", "you stopped the download");
        const mb = (bytes) => (bytes / 1e6).toFixed(1);
        throw failure("download", `the download stopped after ${mb(loaded())} of ${mb(total)} MB`);
      }
    })();
    return loading;
  }

  function untar(bytes) {
    const files = {}, text = (at, size) => new TextDecoder().decode(bytes.subarray(at, at + size)).replace(/\0.*$/s, "");
    for (let at = 0; bytes[at]; ) {
      const size = parseInt(text(at + 124, 12), 8);
      files[text(at, 100)] = bytes.slice(at + 512, at + 512 + size);
      at += 512 + 512 * Math.ceil(size / 512);
    }
    return files;
  }

  function limited(wasm) { // the module with an upper bound of its memory, which it comes without
    const number = (at) => {
      let value = 0, shift = 0, byte;
      do { byte = wasm[at++]; value += (byte & 127) * 2 ** shift; shift += 7; } while (byte > 127);
      return [value, at];
    };
    for (let at = 8; at < wasm.length; ) {
      const [size, start] = number(at + 1);
      if (wasm[at] === 5) { // one memory: flags, smallest size
        const smallest = wasm.slice(start + 2, start + size), most = [];
        if (wasm[start] !== 1 || wasm[start + 1] !== 0) throw new Error("expected one memory without a bound");
        for (let n = MEMORY; ; n >>= 7) { most.push(n & 127 | (n > 127 ? 128 : 0)); if (n < 128) break; }
        const section = [5, 2 + smallest.length + most.length, 1, 1, ...smallest, ...most], made = new Uint8Array(wasm.length - size - (start - at) + section.length);
        made.set(wasm.subarray(0, at));
        made.set(section, at);
        made.set(wasm.subarray(start + size), at + section.length);
        return made;
      }
      at = start + size;
    }
    throw new Error("expected a memory");
  }

  // The worker ---------------------------------------------------------------------------------------------------

  let frame = null, port = null, started = null, current = null, queue = Promise.resolve();

  let stops = 0;
  function as_now() { // to be called later: raises if it was stopped in between
    const now = stops;
    return () => { if (now !== stops) throw failure("stopped", "you stopped it"); };
  }

  async function begin(progress) {
    const still = as_now(), before = stops;
    await load(progress);
    still();
    if (!frame) {
      const [module, library, ...archives] = await Promise.all(nn.parts[nn.module].map(part));
      const made = document.createElement("iframe");
      made.hidden = true;
      made.setAttribute("sandbox", "allow-scripts");
      made.srcdoc = FRAME;
      await new Promise((resolve) => { made.onload = resolve; document.body.append(made); });
      if (before !== stops) made.remove();
      still();
      frame = made;
      const files = Object.assign({"usr/local/lib/python315.zip": library}, ...archives.map(untar));
      const wasm = limited(module);
      frame.contentWindow.postMessage({wasm, files, source: `(${nn.worker})()`}, "*", [wasm.buffer]);
    }
    const channel = new MessageChannel();
    port = channel.port1;
    let said = "";
    const alive = message((stream, text) => { said += text; }, true);
    port.onmessage = ({data}) => hear(data);
    const code = `${nn.begin[nn.module]}__import__("guest").begin(${JSON.stringify(nn.before)})\n`;
    frame.contentWindow.postMessage({begin: code}, "*", [channel.port2]);
    const {status} = await alive;
    if (status) { end(); throw failure("ended", "it does not start: " + said); }
  }

  // The answer to what is sent next. A browser that ends the frame or its worker (its memory is short, or somebody did so)
  // tells nobody, so both are asked: the worker whether it has begun, then, since one that runs hears nothing, its frame.
  function message(output, begun) {
    return new Promise((resolve, reject) => {
      const mine = current = {resolve, reject, output: output || (() => {}), begun, silence: 0};
      mine.watch = setInterval(() => {
        if (mine !== current) return clearInterval(mine.watch);
        if (mine.begun) frame.contentWindow.postMessage({ping: true}, "*");
        if (++mine.silence <= SILENCE) return;
        end(failure("ended", "the browser has ended it"));
        frame.remove();
        frame = null;
      }, 1000);
    });
  }

  function hear(data) {
    if (!current) return;
    current.silence = 0;
    if (data.output) {
      current.begun = true;
      for (const [stream, text] of data.output) current.output(stream, text);
    } else if (data.alive) {
      return;
    } else if (data.ended) {
      end(failure("ended", data.ended));
    } else {
      current.resolve(data);
      current = null;
    }
  }
  addEventListener("message", ({source, data}) => { if (frame && source === frame.contentWindow) hear(data); });

  function end(error) {
    if (frame) frame.contentWindow.postMessage({}, "*");
    if (port) port.close();
    port = started = null;
    if (current && error) current.reject(error);
    current = null;
  }

  nn.python = {
    start(progress) {
      if (!started) {
        const mine = started = begin(progress);
        mine.catch(() => { if (started === mine) started = null; });
      }
      return started;
    },
    run(code, {output, limit = LIMIT, progress, onstart} = {}) {
      const still = as_now();
      const task = async () => {
        still();
        await this.start(progress);
        still();
        if (onstart) onstart();
        const timer = setTimeout(() => this.stop(`it ran for ${limit / 1000} seconds. Does a loop never end?`), limit);
        try {
          const answer = message(output);
          port.postMessage({code});
          return await answer;
        } finally {
          clearTimeout(timer);
        }
      };
      return queue = queue.catch(() => {}).then(task);
    },
    change(module) { // from here on this one is loaded and started
      if (nn.module === module) return;
      this.stop();
      nn.module = module;
      loading = null;
      if (frame) frame.remove();
      frame = null;
    },
    async cell(source, name, options) {
      const answer = await this.run(`__import__("guest").run_cell(${JSON.stringify(source)}, ${JSON.stringify(name)})`, options);
      const became = answer.files["cell.json"];
      if (became && became.length) return answer;
      end();
      throw failure("ended", "its memory is full, or the cell has changed what it works with");
    },
    stop(why = "you stopped it") {
      stops++;
      if (aborter && !port) aborter.abort();
      end(failure("stopped", why));
    },
  };
})();
