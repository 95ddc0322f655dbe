// Exercises are answered where they stand. Nothing but this file is loaded before the first click; what it loads then is
// named in nnPython, which stands above (book/python/extension.py).
(function () {
  "use strict";
  var nn = window.nnPython, here = document.currentScript.src.replace(/[^/]*$/, ""), memory = {},
    page = typeof DOCUMENTATION_OPTIONS == "object" ? DOCUMENTATION_OPTIONS.pagename : "", cells = [], loads = {},
    own = nn.own || "nn:";                                // begins the name of all that this page keeps
  // the smallest module with a vector instruction in it: browsers from 2023 on take it
  var SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  var able = typeof DecompressionStream == "function" && typeof Worker == "function" && typeof WebAssembly == "object" &&
    WebAssembly.validate(new Uint8Array(SIMD)) && "replaceChildren" in Element.prototype;

  nn.able = able;
  nn.before = (nn.imports || {})[page] || "";
  nn.module = "core";
  nn.parts = {core: ["core.wasm", "core.zip", "book.tar"], full: ["full.wasm", "core.zip", "book.tar", "plots.tar"]};
  nn.size = function (module) { return nn.parts[module].reduce(function (sum, name) { return sum + nn.files[name].bytes; }, 0); };
  nn.at = function (name) { return here + nn.files[name].name; };
  nn.script = function (url) {                           // once; again after a failure
    return loads[url] = loads[url] || new Promise(function (resolve, reject) {
      var tag = document.createElement("script");
      tag.src = url;
      tag.onload = resolve;
      tag.onerror = function () { delete loads[url]; tag.remove(); reject(new Error("not loaded: " + url)); };
      document.head.append(tag);
    });
  };

  function kept(name) {
    if (name in memory) return memory[name];
    try { return localStorage.getItem(own + name); } catch (forbidden) { return null; }
  }
  function keep(name, value) {                           // false if the browser keeps nothing: then this page does
    try {
      if (value === null) localStorage.removeItem(own + name); else localStorage.setItem(own + name, value);
      delete memory[name];
      return true;
    } catch (full) {
      memory[name] = value;
      return false;
    }
  }
  nn.unkept = "This browser keeps nothing: copy your answer before you leave the page.";
  nn.kept = kept;
  nn.keep = keep;
  function make(tag, attributes, text) {
    var made = document.createElement(tag);
    Object.keys(attributes).forEach(function (name) { made.setAttribute(name, attributes[name]); });
    if (text) made.textContent = text;
    return made;
  }

  // Ticks: at the exercise, and in the side bar how many of a chapter's exercises are solved.
  function tick() {
    cells.forEach(function (cell) {
      if (kept("solved:" + cell.name) === null || cell.title.querySelector(".runnable-solved")) return;
      cell.title.append(" ", make("span", {"class": "runnable-solved"}, "✓ solved"));
    });
    [].forEach.call(document.querySelectorAll(".bd-links a.reference.internal"), function (link) {
      var name = Object.keys(nn.exercises).filter(function (name) {
          return link.pathname == new URL(here + "../../" + name + ".html").pathname && (!link.hash || link.getAttribute("href") == "#");
        })[0], solved = (nn.exercises[name] || []).filter(function (name) { return kept("solved:" + name) !== null; }).length, mark;
      if (!solved) return;
      mark = link.querySelector(".runnable-count") || link.appendChild(make("span", {"class": "runnable-count"}));
      mark.replaceChildren(" ✓ " + solved + "/" + nn.exercises[name].length, make("span", {"class": "visually-hidden"}, " exercises solved"));
    });
  }

  function Cell(root, name, title) {                      // an exercise, or with a title any other cell of the page
    var cell = this, id = "runnable-" + name;
    this.root = root;
    this.name = name;
    this.word = title ? "Run" : "Check";
    this.file = title || name;                           // what errors call it
    this.pre = root.querySelector(".cell_input pre");
    this.input = root.querySelector(".cell_input");
    this.stored = root.querySelector(".cell_output");
    this.title = title ? make("span", {}, title) : root.closest(".exercise").querySelector(".admonition-title");
    this.stub = this.pre.textContent.replace(/\n$/, "");
    this.shown = this.pre.cloneNode(true);
    this.text = this.stub;
    this.run = make("button", {type: "button", "data-action": "run"});
    this.stop = make("button", {type: "button", "data-action": "stop"}, "Stop");
    this.reset = make("button", {type: "button", "data-action": "reset"}, "Reset");
    this.edit = make("button", {type: "button", "data-action": "edit"}, "Edit");
    this.status = make("span", {"class": "runnable-status", role: "status"});
    this.help = make("span", {"class": "runnable-help", id: id + "-help"});
    this.unkept = make("span", {role: "alert"});
    this.output = make("div", {"class": "runnable-output", "aria-live": "polite", role: "region", "aria-label": "Result"});
    this.bar = make("div", {"class": "runnable-bar"});
    // Stop and Edit come and go: where they stood there must be no Reset a moment later.
    this.bar.append(this.run, this.reset, this.stop, this.edit, this.status, this.help, this.unkept);
    this.output.hidden = true;
    root.classList.add("runnable");
    root.dataset.name = name;
    this.input.after(this.bar);
    (this.input.closest("details") || this.bar).after(this.output);
    root.getCode = function () { return cell.text; };
    root.setCode = function (text) { cell.set(text); };
    this.run.onclick = function () { cell.check(); };
    this.stop.onclick = function () { if (nn.python) nn.python.stop(); };
    this.reset.onclick = function () { cell.back(); };
    this.edit.onclick = function () { cell.open(true); };
    this.pre.addEventListener("click", function () { if (!String(getSelection())) cell.open(true); });
    this.state("idle");
    this.set(this.answer());
    cells.push(this);
  }

  Cell.prototype = {
    state: function (state) {
      var busy = state == "loading" || state == "running";
      this.root.dataset.state = state;
      this.run.textContent = this.word + (nn.loaded ? "" : " (loads " + Math.ceil(nn.size("core") / 1e6) + " MB, once)");
      this.busy = busy;
      this.run.setAttribute("aria-disabled", busy);      // disabled it would lose the focus
      if (!busy && document.activeElement == this.stop) this.run.focus();
      this.stop.hidden = !busy;
      this.reset.disabled = busy;
      this.offer();
      this.edit.hidden = !!this.editor || busy;
      this.help.classList.toggle("runnable-keys", !!this.editor);
      this.help.textContent = this.editor ? (/Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl") + "+Enter " + this.word.toLowerCase() + "s · Esc, then Tab leaves" :
        this.word == "Check" ? "A wrong answer gets a hint." : "";
    },
    offer: function () {                                 // Reset, or its undoing
      this.reset.hidden = this.text == this.stub && this.output.hidden && !this.erased;
      this.reset.textContent = this.erased ? "Undo reset" : "Reset";
    },
    say: function (text) { if (this.status.textContent != text) this.status.textContent = text; },
    set: function (text) {                               // as if it had been typed
      if (this.editor) return this.editor.set(text);
      if (text == this.stub) this.pre.replaceChildren.apply(this.pre, [].slice.call(this.shown.cloneNode(true).childNodes));
      else this.pre.textContent = text + "\n";
      this.typed(text);
    },
    typed: function (text) {
      if (text == this.text) return;
      this.text = text;
      this.erased = "";
      if (this.stored) this.stored.hidden = text != this.stub || !this.output.hidden;
      // What another tab has written is not written again: meanwhile it may have written more.
      this.unkept.textContent = text == this.answer() || keep("answer:" + this.name, text) ? "" : nn.unkept;
      this.offer();
    },
    answer: function () {                                // as it is kept
      var text = kept("answer:" + this.name);
      return text === null ? this.stub : text;
    },
    back: function () {                                  // to the stub, or from there to what was written
      var erased = this.erased || this.text;
      this.set(this.erased || this.stub);
      if (this.text == this.stub) {
        keep("answer:" + this.name, null);
        this.erased = erased == this.stub ? "" : erased;
      }
      this.clear();
      if (this.editor) this.editor.focus();
    },
    clear: function () {
      this.output.replaceChildren();
      this.output.hidden = true;
      if (this.stored) this.stored.hidden = this.text != this.stub;
      this.say("");
      this.state("idle");
    },
    open: function (focus) {
      var cell = this;
      return nn.script(nn.at("editor")).then(function () {
        if (!cell.editor) {
          var place = make("div", {"class": "runnable-editor"});
          cell.editor = nn.editor(place, {
            doc: cell.text,
            label: (cell.word == "Check" ? "Your answer in Python: " : "Python: ") + cell.title.textContent.replace(/\s+/g, " ").trim(),
            describedBy: cell.help.id,
            onChange: function (text) { cell.typed(text); },
            onRun: function () { cell.check(); },
          });
          cell.input.replaceChildren(place);
          cell.state(cell.root.dataset.state);
        }
        if (focus) cell.editor.focus();
      }, function () { cell.say("The editor could not be loaded. Look at your connection, then try again."); });
    },
    show: function (stream, text) {
      var last = this.output.lastElementChild;
      if (!last || last.dataset.stream != stream) this.output.append(last = make("pre", {"data-stream": stream}));
      last.append(text);
    },
    check: function () {
      var cell = this;
      if (cell.busy) return cell.going;                    // it runs already, by its own button or with the page
      cell.output.replaceChildren();
      cell.output.hidden = false;
      if (cell.stored) cell.stored.hidden = true;
      cell.state(nn.loaded ? "running" : "loading");
      cell.say(nn.loaded ? "Running" : "Loading Python");
      cell.open(false);
      return cell.going = nn.script(nn.at("python")).then(function () {
        return nn.python.cell(cell.text, cell.file, {
          limit: cell.limit,
          output: function (stream, text) { cell.show(stream, text); },
          progress: function (bytes, of) {
            cell.bar.style.setProperty("--loaded", bytes / of);
            cell.help.textContent = (bytes / 1e6).toFixed(1) + " of " + (of / 1e6).toFixed(1) + " MB";
          },
          onstart: function () {
            nn.loaded = true;
            cells.forEach(function (other) { other.state(other == cell ? "running" : other.root.dataset.state); });
            cell.say("Running");
          },
        });
      }).then(function (answer) {
        var told = JSON.parse(new TextDecoder().decode(answer.files["cell.json"])), checked = told.checked, verdict = checked[cell.name];
        Object.keys(checked).forEach(function (name) { // not where the book's own solution is run
          if (checked[name] && cell.word == "Check") keep("solved:" + name, "1");
        });
        tick();
        if (cell.display) cell.display(told);
        cell.say(told.error ? told.missing.length ? "Passed over" : "An error" : verdict === undefined ? "Done" : verdict ? "✓ Right" : "Not yet right");
        cell.state("done");
      }).catch(function (error) {
        var kind = error.kind || "download";
        if (kind == "download") cell.show(2, "Python is not here: " + error.message + ".\nWhat you wrote is kept. Look at your connection, then press " + cell.word + " again.");
        else cell.show(2, "Python is stopped: " + error.message + (/[.?]$/.test(error.message) ? "" : ".") + "\nWhat you wrote is kept. The next " + cell.word.toLowerCase() + " starts Python anew.");
        cell.say(kind == "stopped" ? "Stopped" : "Failed");
        cell.state(kind == "stopped" ? "stopped" : "failed");
      });
    },
  };

  [].forEach.call(document.querySelectorAll(".exercise .cell"), function (root) {
    var name = /^check\((\w+)/m.exec(root.querySelector(".cell_input") ? root.querySelector(".cell_input").textContent : "");
    if (!name) return;
    if (able) new Cell(root, name[1]);
    else root.append(make("p", {"class": "runnable-old"}, "To answer exercises in the page takes a browser from 2023 or later. " +
      (nn.instead || "Else open the chapter with make lab, or with its Binder button.")));
  });
  if (able) tick();

  // All cells of a chapter: the rest of it is loaded on the click.
  var heading = document.querySelector(".bd-article h1");
  if (able && heading && nn.files.chapter && page in nn.imports) (function () {
    var bar = make("div", {"class": "runnable-bar runnable-page", role: "group", "aria-label": "Python in this page"}),
      button = make("button", {type: "button", "data-action": "try"}, "Try this page (loads " + Math.ceil(nn.size("full") / 1e6) + " MB, once)"),
      said = make("span", {"class": "runnable-status", role: "status"});
    bar.append(button, said);
    heading.after(bar);
    button.onclick = function () {
      if (button.getAttribute("aria-disabled") == "true") return;
      button.setAttribute("aria-disabled", "true");
      said.textContent = "Loading Python";
      nn.script(nn.at("chapter")).then(function () { nn.chapter(bar, button, said, cells, Cell); }, function () {
        button.setAttribute("aria-disabled", "false");
        said.textContent = "It could not be loaded. Look at your connection, then try again.";
      });
    };
  })();

  // The same cell in another tab, or in a later visit before a way back to this one: all show what was written last.
  addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    cells.forEach(function (cell) { cell.set(cell.answer()); });
    tick();
  });
  addEventListener("storage", function (event) {
    if (event.key === null) memory = {};
    else if (event.key.indexOf(own) == 0) delete memory[event.key.slice(own.length)];
    cells.forEach(function (cell) {
      if (event.key == own + "answer:" + cell.name) cell.set(cell.answer());
    });
    tick();
  });
})();
