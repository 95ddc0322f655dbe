// "Try this page": all cells of a chapter become editable and run in order, in one Python with matplotlib. Its live figures
// ask that Python for each state.
(function () {
  "use strict";
  const nn = window.nnPython, LIMIT = 600e3; // milliseconds that a cell may take: chapters train networks
  const TAGS = new Set("DIV IMG FIELDSET LABEL SPAN INPUT SELECT OPTION OUTPUT P UL LI SCRIPT".split(" "));
  const ATTRIBUTES = /^(class|id|role|style|type|min|max|value|autocomplete|alt|src|disabled|hidden|checked|selected|data-[a-z]+|aria-[a-z]+)$/;

  // Python is not trusted: of its HTML stays what a live figure is made of, and nothing that runs or loads.
  function cleaned(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const element of [...page.body.querySelectorAll("*")]) {
      const inert = element.tagName !== "SCRIPT" || element.type === "text/plain";
      if (!TAGS.has(element.tagName) || !inert) { element.remove(); continue; }
      for (const {name, value} of [...element.attributes]) {
        const well = name === "src" ? /^data:image\//.test(value) : name === "style" ? /^[-\w:;.,%+() ]*$/.test(value) && !/url/i.test(value) : true;
        if (!ATTRIBUTES.test(name) || !well) element.removeAttribute(name);
      }
    }
    return [...page.body.children];
  }

  function display({shown, missing, error}) { // as a method of a cell
    for (const module of missing) {
      const here = `${module} is not part of the Python in this page`;
      this.show(2, error ? `${here}. This cell runs with make lab, or with Binder.\n` : `${here}; what needs it is passed over.\n`);
    }
    for (const [kind, content] of shown) {
      if (kind === "image") {
        const image = document.createElement("img");
        image.alt = "What the cell draws";
        image.src = content.startsWith("data:image/png;base64,") ? content : "";
        this.output.append(image);
      } else this.output.append(...cleaned(content));
    }
    const caption = this.stored && shown.length && this.stored.querySelector("figcaption");
    if (caption) this.output.append(caption.cloneNode(true));
    if (this.stored) this.stored.hidden = true;
    document.dispatchEvent(new Event("explore-wake"));
  }

  // One state of a figure at a time, and of those asked for meanwhile the last.
  const waiting = new Map();
  let drawing = false;
  async function draw() {
    if (drawing) return;
    drawing = true;
    for (const [figure, {state, answer, output}] of waiting) {
      waiting.delete(figure);
      const fail = (text) => {
        let note = output.querySelector(".runnable-undrawn");
        if (!note) output.append(note = Object.assign(document.createElement("pre"), {className: "runnable-undrawn"}));
        note.textContent = text;
        note.dataset.stream = 2;
      };
      try {
        const {status, files} = await nn.python.run(`__import__("guest").draw(${JSON.stringify(figure)}, ${state})`);
        const said = status ? {gone: true} : JSON.parse(new TextDecoder().decode(files["figure.json"]));
        if (said.error || said.gone) { fail(said.error || "Python was started anew: run this cell again."); continue; }
        answer(state, said);
        if (output.querySelector(".runnable-undrawn")) output.querySelector(".runnable-undrawn").remove();
      } catch (error) {
        fail(`Python is stopped: ${error.message}. To go on, run this cell again.`);
      }
    }
    drawing = false;
  }
  document.addEventListener("explore-draw", ({target, detail: {figure, state, answer}}) => {
    const output = target.closest(".runnable-output");
    if (!output) return;
    waiting.delete(figure);
    waiting.set(figure, {state, answer, output});
    draw();
  });

  function hash(text) { // the same in every visit, until the cell changes
    let value = 5381;
    for (const letter of text) value = (value * 33 ^ letter.codePointAt(0)) >>> 0;
    return value.toString(36);
  }

  nn.chapter = async function (bar, button, said, exercises, Cell) {
    nn.python || await nn.script(nn.at("python"));
    nn.python.change("full");
    nn.loaded = true; // the size was said
    const stop = Object.assign(document.createElement("button"), {type: "button", textContent: "Stop"}), seen = {};
    stop.dataset.action = "stop";
    button.after(stop);
    const all = [...document.querySelectorAll(".cell")].filter((root) => root.querySelector(".cell_input pre")).map((root, k) => {
      const exercise = exercises.find((cell) => cell.root === root);
      if (exercise) return exercise;
      const [first, ...more] = root.querySelectorAll(".cell_input pre"); // a page folds two cells of drawing code as one
      for (const next of more) {
        first.append("\n\n", ...next.childNodes);
        next.remove();
      }
      const text = hash(root.querySelector(".cell_input pre").textContent);
      seen[text] = (seen[text] || 0) + 1;
      return new Cell(root, `cell-${text}-${seen[text]}`, `cell ${k + 1}`);
    });
    for (const cell of all) {
      cell.display = display;
      cell.limit = LIMIT;
      cell.state(cell.root.dataset.state);
    }
    let ended = false;
    stop.onclick = () => { ended = true; nn.python.stop(); };
    nn.run = async function () {
      if (bar.dataset.state === "running") return;
      ended = false;
      button.setAttribute("aria-disabled", "true");
      stop.hidden = false;
      bar.dataset.state = "running";
      try {
        await nn.python.start((bytes, of) => { said.textContent = `Loading Python: ${(bytes / 1e6).toFixed(1)} of ${(of / 1e6).toFixed(1)} MB`; });
        let k = 0;
        for (; k < all.length && !ended; k++) {
          said.textContent = `Running cell ${k + 1} of ${all.length}`;
          await all[k].check();
          if (all[k].root.dataset.state !== "done") ended = true; // what it had defined is gone
        }
        said.textContent = ended ? `Stopped at cell ${k} of ${all.length}` : "Every cell has run. Change one and run it again.";
      } catch (error) {
        said.textContent = error.kind === "download" ? `Python is not here: ${error.message}. Look at your connection, then try again.` : `Python is stopped: ${error.message}.`;
      }
      button.textContent = "Run all cells";
      button.setAttribute("aria-disabled", "false");
      if (document.activeElement === stop) button.focus();
      stop.hidden = true;
      bar.dataset.state = "done";
    };
    button.onclick = nn.run;
    return nn.run();
  };
})();
