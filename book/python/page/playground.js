// The playground: controls made of nnPython.playground (book/python/playground.py), a network that Python trains, and its pictures.
// Nothing is loaded before the first click. The state is the link's fragment.
(function () {
  "use strict";
  const nn = window.nnPython, {options, losses, window: WINDOW, cells: CELLS} = nn.playground;
  const root = document.getElementById("network-playground");
  if (!root || !nn.able) return;
  const SIDE = 400; // pixels of the large picture
  const MANY = {points: 200, edits: 200, steps: 1e5};

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made[name] = value; else if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }
  const short = (x) => x === null || x === undefined ? "no number" : (Math.abs(x) >= 1e4 || x && Math.abs(x) < 1e-3 ? x.toExponential(1) : x.toFixed(3))
    .replace(/e\+?(.+)/, (_, power) => "·10" + power.replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])).replace("-", "−"); // as a book prints it

  // A set-up and its link ------------------------------------------------------------------------------------------

  const kinds = (data) => losses[data === "saddle" ? "number" : "classes"];
  const standard = (name, data) => name === "noise" ? options.noise.per[data] : name === "loss" ? kinds(data)[0] : options[name].default;
  const list = (names) => names.length < 2 ? names.join() : names.slice(0, -1).join(", ") + " or " + names[names.length - 1];

  function read(text, low, high, whole) { // a number, or null
    const x = Number(text);
    return text.trim() === "" || !Number.isFinite(x) || x < low || x > high || whole && !Number.isInteger(x) ? null : x;
  }

  function parse(fragment) { // what is wrong is left out, and told
    const state = {setup: {}, points: [], edits: [], steps: 0}, errors = [], given = {};
    const names = [...Object.keys(options), "points", "edits", "steps"];
    for (const part of fragment.split("&").filter(Boolean)) {
      const [name, value] = [part.split("=")[0], part.slice(part.indexOf("=") + 1)];
      let text = value;
      try { text = decodeURIComponent(value); } catch (broken) { /* it stays as it is, and is refused below */ }
      if (!names.includes(name) || !part.includes("=")) errors.push(`The link expects ${list(names)}, got “${part}”.`);
      else given[name] = text;
    }
    const refuse = (name, expected) => errors.push(`The link's ${name} expects ${expected}, got “${given[name]}”.`);
    if (given.data !== undefined && !Object.hasOwn(options.data.choices, given.data)) { refuse("data", list(Object.keys(options.data.choices))); delete given.data; }
    const data = given.data || options.data.default;
    for (const [name, option] of Object.entries(options)) {
      const text = given[name];
      state.setup[name] = standard(name, data);
      if (text === undefined) continue;
      if (name === "layers") {
        const units = text === "" || text === "none" ? [] : text.split(",").map((part) => read(part, 1, option.high, true));
        if (units.length > option.most || units.includes(null)) refuse(name, `up to ${option.most} whole numbers from 1 to ${option.high}, as in 8,8`);
        else state.setup[name] = units;
      } else if (option.choices) {
        const allowed = name === "loss" ? kinds(data) : Object.keys(option.choices);
        if (allowed.includes(text)) state.setup[name] = text; else refuse(name, list(allowed));
      } else {
        const x = read(text, option.low, option.high, option.whole);
        if (x === null) refuse(name, `a ${option.whole ? "whole " : ""}number from ${option.low} to ${option.high}`); else state.setup[name] = x;
      }
    }
    if (given.points !== undefined) {
      const points = given.points.split(";").filter(Boolean).map((point) => point.split(","));
      const good = points.map(([x, y, label, ...more]) => more.length || label === undefined ? null : [read(x, -WINDOW, WINDOW), read(y, -WINDOW, WINDOW), read(label, 0, 1, true)]);
      if (good.length > MANY.points || good.some((point) => !point || point.includes(null))) refuse("points", `up to ${MANY.points} of x,y,class with x and y from -${WINDOW} to ${WINDOW} and class 0 or 1, as in 0.5,1,0;-1,2,1`);
      else state.points = good;
    }
    if (given.steps !== undefined) {
      const x = read(given.steps, 0, MANY.steps, true);
      if (x === null) refuse("steps", `a whole number from 0 to ${MANY.steps}`); else state.steps = x;
    }
    if (given.edits !== undefined) {
      const sizes = [2, ...state.setup.layers, 1];
      const good = given.edits.split(";").filter(Boolean).map((edit) => {
        const [step, layer, row, column, value, ...more] = edit.split(":");
        if (value === undefined || more.length) return null;
        const l = read(layer, 0, sizes.length - 2, true);
        const found = [read(step, 0, MANY.steps, true), l, l === null ? null : row === "b" ? -1 : read(row, 0, sizes[l] - 1, true), l === null ? null : read(column, 0, sizes[l + 1] - 1, true), read(value, -1e6, 1e6)];
        return found.includes(null) ? null : found;
      });
      if (good.length > MANY.edits || good.includes(null)) refuse("edits", `up to ${MANY.edits} of step:layer:from:to:value that fit the layers, as in 40:0:1:3:0.5`);
      else state.edits = good;
    }
    return {...state, errors};
  }

  function fragment({setup, points, edits}, steps) {
    const parts = [];
    for (const name of Object.keys(options)) {
      if (String(setup[name]) !== String(standard(name, setup.data))) parts.push(`${name}=${name === "layers" ? setup.layers.join(",") || "none" : setup[name]}`);
    }
    if (setup.data === "own" && points.length) parts.push("points=" + points.map((point) => point.join(",")).join(";"));
    if (edits.length) parts.push("edits=" + edits.map(([step, layer, row, column, value]) => [step, layer, row < 0 ? "b" : row, column, value].join(":")).join(";"));
    if (steps && steps <= MANY.steps) parts.push(`steps=${steps}`);
    return parts.join("&");
  }
  nn.playground.parse = parse;

  // The page ---------------------------------------------------------------------------------------------------------

  let state = parse(""), shown = null, samples = {}, running = false, runs = 0, version = 0, begun = -1, looked = null, selected = null, curve = [], target = 0, removed = null;

  const el = {};
  const button = (name, text, onclick) => el[name] = make("button", {type: "button", "data-action": name, onclick}, text);
  el.pace = make("select", {"aria-label": "Pace"}, ...[["fast", "as fast as it goes"], ["epoch", "one epoch a picture"], ["step", "one step a picture"]].map(([value, text]) => make("option", {value}, text)));
  el.status = make("span", {"class": "play-status", role: "status"});
  el.counts = make("p", {"class": "play-counts"});
  el.error = make("p", {"class": "play-error", role: "alert", hidden: ""});
  el.setup = make("div", {"class": "play-setup"});
  el.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  el.svg.setAttribute("aria-hidden", "true");
  el.net = make("div", {"class": "play-net", role: "group", "aria-label": "The network: press a unit to see its weights"});
  el.read = make("p", {"class": "play-read"});
  el.field = make("canvas", {width: SIDE, height: SIDE, "class": "play-field", role: "img"});
  el.caption = make("p", {"class": "play-caption"});
  el.own = make("div", {"class": "play-own", hidden: ""});
  el.unit = make("fieldset", {"class": "play-unit", hidden: ""});
  el.curve = make("canvas", {width: 2 * SIDE, height: 300, "class": "play-curve", role: "img"});
  el.legend = make("p", {"class": "play-caption"});
  el.table = make("tbody");
  el.code = make("pre", {tabindex: "0", "aria-label": "The program"});
  el.shows = make("details", {"class": "play-code"}, make("summary", {}, "Show the code"));
  el.copied = make("span", {role: "status"});

  button("run", "Run", () => running ? pause() : run());
  button("step", "One step", () => { pause(); ask("go(steps=1)"); });
  button("reset", "Reset", () => { state.edits = []; target = 0; change(); });
  button("link", "Copy the link", () => copy(() => location.href.split("#")[0] + "#" + fragment(state, steps()), "The link is copied."));
  button("copy", "Copy the program", () => copy(() => shown.code, "The program is copied."));
  el.shows.append(el.code, el.copy);
  el.shows.addEventListener("toggle", async () => {
    if (!el.shows.open) return;
    if (begun !== version) await ask();
    if (shown) el.code.textContent = shown.code;
  });
  async function copy(text, said) {
    el.copied.textContent = "";
    try { await navigator.clipboard.writeText(text()); el.copied.textContent = said; } catch (refused) { el.copied.textContent = "This browser does not let a page copy: select it and copy by hand."; }
  }

  root.replaceChildren(
    make("div", {"class": "play-bar"}, el.run, el.step, el.reset, el.pace, el.status), el.error, el.setup,
    make("div", {"class": "play-stage"},
      make("div", {"class": "play-left"}, el.net, el.read, el.unit),
      make("div", {"class": "play-right"}, el.counts, el.field, el.caption, el.own, el.curve, el.legend)),
    make("p", {"class": "play-head"}, "What the layers answer to the training points, and how strongly the last batch pulls at their weights"),
    make("div", {"class": "play-table", tabindex: "0", role: "region", "aria-label": "Statistics of the layers"}, make("table", {},
      make("thead", {}, make("tr", {}, ...["Layer", "Answers", "Mean ± deviation", "Constant units", "Weights (RMS)", "Gradient (RMS)"].map((text) => make("th", {scope: "col"}, text)))), el.table)),
    make("div", {"class": "play-bar"}, el.link, el.copied), el.shows);
  el.net.append(el.svg);

  // Controls ---------------------------------------------------------------------------------------------------------

  let built = "";
  function controls() {
    el.all.textContent = removed ? "Undo remove all" : "Remove all";
    const form = [state.setup.data, state.setup.optimizer, state.setup.layers.length].join();
    if (form === built) { // the same controls: one may be pressed or left just now, so each stays
      for (const control of el.setup.querySelectorAll("[data-name]")) {
        const name = control.dataset.name, k = /^layer(\d+)$/.exec(name);
        if (k || name in state.setup) control.value = k ? state.setup.layers[k[1]] : state.setup[name];
      }
      return;
    }
    built = form;
    const focus = document.activeElement && document.activeElement.dataset.name, groups = new Map();
    for (const [name, option] of Object.entries(options)) {
      if (option.only && !option.only.includes(state.setup.optimizer) || name === "noise" && state.setup.data === "own") continue;
      let control;
      if (name === "layers") {
        control = layers(option);
      } else if (option.choices) {
        const allowed = name === "loss" ? kinds(state.setup.data) : Object.keys(option.choices);
        control = make("select", {"data-name": name}, ...allowed.map((value) => make("option", {value, ...(value === state.setup[name] ? {selected: ""} : {})}, option.choices[value])));
      } else {
        control = make("input", {"data-name": name, type: "number", min: option.low, max: option.high, step: option.whole ? 1 : "any", value: state.setup[name], inputmode: "decimal"});
      }
      if (name !== "layers") {
        const input = control;
        input.onchange = () => set(name, input);
        control = make("label", {}, make("span", {}, option.label), control);
      }
      if (!groups.has(option.group)) groups.set(option.group, make("fieldset", {}, make("legend", {}, option.group)));
      groups.get(option.group).append(control);
    }
    el.setup.replaceChildren(...groups.values());
    const again = focus && [focus, "more", "less"].map((name) => el.setup.querySelector(`[data-name="${name}"]`)).find((each) => each && !each.disabled);
    if (again) again.focus();
    el.own.hidden = state.setup.data !== "own";
  }

  function layers(option) {
    const row = make("div", {"class": "play-layers", role: "group", "aria-label": option.label});
    state.setup.layers.forEach((units, k) => {
      const input = make("input", {"data-name": `layer${k}`, type: "number", min: 1, max: option.high, step: 1, value: units, "aria-label": `Units in hidden layer ${k + 1}`});
      input.onchange = () => {
        const x = read(input.value, 1, option.high, true);
        if (x === null) return refuse(`Hidden layer ${k + 1} expects a whole number of units from 1 to ${option.high}, got “${input.value}”.`, input, units);
        state.setup.layers = state.setup.layers.map((old, i) => i === k ? x : old);
        change(true);
      };
      row.append(input);
    });
    const more = make("button", {type: "button", "data-name": "more", "aria-label": "Add a hidden layer", onclick: () => { state.setup.layers = [...state.setup.layers, 4]; change(true); }}, "+");
    const less = make("button", {type: "button", "data-name": "less", "aria-label": "Remove the last hidden layer", onclick: () => { state.setup.layers = state.setup.layers.slice(0, -1); change(true); }}, "−");
    more.disabled = state.setup.layers.length >= option.most;
    less.disabled = !state.setup.layers.length;
    row.append(more, less);
    return make("div", {}, make("span", {"class": "play-label"}, option.label), row);
  }

  function refuse(text, control, value) { complain(text); if (control) control.value = value; }

  function set(name, control) {
    const option = options[name];
    if (option.choices) {
      state.setup[name] = control.value;
      if (name === "data") {
        state.setup.noise = standard("noise", control.value);
        if (!kinds(control.value).includes(state.setup.loss)) state.setup.loss = kinds(control.value)[0];
      }
    } else {
      const x = read(control.value, option.low, option.high, option.whole);
      if (x === null) return refuse(`${option.label} expects a ${option.whole ? "whole " : ""}number from ${option.low} to ${option.high}, got “${control.value}”.`, control, state.setup[name]);
      state.setup[name] = x;
    }
    change(name === "data");
  }

  let label = 1;
  {
    const group = make("span", {role: "radiogroup", "aria-label": "Class of the next point"});
    for (const [value, text] of [[1, "orange square"], [0, "blue disc"]]) {
      group.append(make("label", {}, make("input", {type: "radio", name: "play-class", value, ...(value === label ? {checked: ""} : {}), onchange: () => { label = value; }}), " " + text));
    }
    const x = make("input", {type: "number", step: "any", min: -WINDOW, max: WINDOW, value: 0, "aria-label": "x₁ of the next point"}), y = x.cloneNode();
    y.setAttribute("aria-label", "x₂ of the next point");
    el.own.append("Click into the picture to place a point: ", group, x, y,
      make("button", {type: "button", onclick: () => {
        const at = [read(x.value, -WINDOW, WINDOW), read(y.value, -WINDOW, WINDOW)];
        if (at.includes(null)) complain(`A point expects two numbers from −${WINDOW} to ${WINDOW}, got “${x.value}” and “${y.value}”.`); else place(...at);
      }}, "Add"), make("button", {type: "button", onclick: () => { state.points.pop(); change(); }}, "Remove the last"), el.all = make("button", {type: "button", onclick: () => {
        [state.points, removed] = removed ? [removed, null] : [[], state.points.length ? state.points : null];
        change();
      }}, "Remove all"));
  }
  function place(x, y) {
    if (state.points.length >= MANY.points) return complain(`There is room for ${MANY.points} points.`);
    removed = null;
    state.points.push([Math.round(x * 100) / 100, Math.round(y * 100) / 100, label]);
    change();
  }
  el.field.onclick = (event) => {
    if (state.setup.data !== "own") return;
    const box = el.field.getBoundingClientRect(), at = (offset, size) => Math.max(-WINDOW, Math.min(WINDOW, (offset / size * 2 - 1) * WINDOW));
    place(at(event.clientX - box.left, box.width), -at(event.clientY - box.top, box.height));
  };

  // Running ----------------------------------------------------------------------------------------------------------

  function complain(text) { el.error.textContent = text; el.error.hidden = !text; }

  function change(rebuilt) { // another set-up: what was trained is gone
    version++;
    complain("");
    if (!running) el.status.textContent = ""; // which spoke of its steps
    if (rebuilt) { state.edits = []; selected = looked = null; }
    target = state.steps = 0;
    shown = null;
    curve = [];
    samples = {};
    controls();
    network();
    address();
    draw();
    if (nn.loaded && (state.setup.data !== "own" || state.points.length > 1)) ask();
  }

  const steps = () => shown ? shown.step : state.steps;
  function address() {
    const now = "#" + fragment(state, running ? 0 : steps());
    if (now === "#" && location.hash && !location.hash.includes("=")) return; // of a heading
    try { history.replaceState(history.state, "", now); } catch (refused) { /* the link stays the old one */ }
  }

  async function python(code, at) {
    let said = "";
    const answer = await nn.python.run(`__import__("playground").${code}`, {
      output: (stream, text) => { said += text; },
      progress: (bytes, of) => { el.status.textContent = `Loading Python: ${(bytes / 1e6).toFixed(1)} of ${(of / 1e6).toFixed(1)} MB`; },
      onstart: () => { if (!nn.loaded) { nn.loaded = true; el.status.textContent = ""; buttons(); } },
    });
    if (answer.status) throw new Error(said.trim().split("\n").pop());
    if (at !== version) return false; // it belongs to another set-up
    begun = at;
    const numbers = JSON.parse(new TextDecoder().decode(answer.files["numbers.json"])), bytes = answer.files["fields.bin"];
    shown = {...numbers, fields: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), output: new Float32Array(answer.files["output.bin"].slice().buffer)};
    state.edits = numbers.edits;
    if (numbers.samples) samples = numbers.samples;
    if (!curve.length || curve[curve.length - 1].step < numbers.step) curve.push({step: numbers.step, epoch: numbers.epoch, loss: numbers.loss, val: numbers.val_loss});
    if (curve.length > 1200) curve = curve.filter((_, k) => k % 2 === 0);
    draw();
    return true;
  }

  async function ask(code) { // true if it is done and still wanted
    const at = version;
    try {
      if (state.setup.data === "own" && state.points.length < 2) { complain("Training expects at least two points: click into the picture."); return false; }
      if (!nn.python) { el.status.textContent = "Loading Python"; await nn.script(nn.at("python")); }
      if (begun !== at) {
        const edits = state.edits, points = state.points;
        if (!await python(`begin(__import__("json").loads(${JSON.stringify(JSON.stringify(state.setup))}), ${JSON.stringify(points)}, ${JSON.stringify(edits)})`, at)) return false;
      }
      if (code && !await python(code, at)) return false;
      if (!shown.finite) {
        pause();
        complain(`At step ${shown.step} the numbers ended: a loss or a weight is infinite. A learning rate of ${state.setup.lr} is too large here. Reset goes back to step 0.`);
        return false;
      }
      if (!running || /^edit/.test(code)) address();
      if (!running && code) el.status.textContent = `Paused at step ${shown.step}`;
      return true;
    } catch (error) {
      begun = -1;
      running = false;
      el.status.textContent = "";
      buttons();
      complain(error.kind === "download" ? `Python is not here: ${error.message}. Look at your connection, then press Run again.` : `Python is stopped: ${error.message.replace(/\.$/, "")}. The next run begins anew.`);
      return false;
    }
  }

  const frame = () => new Promise((resolve) => { let done = false; const go = () => { if (!done) { done = true; resolve(); } }; requestAnimationFrame(go); setTimeout(go, 250); });
  async function run() {
    if (running) return;
    running = true;
    complain("");
    buttons();
    address();
    if (!nn.loaded) el.status.textContent = "Loading Python";
    let mine = version, told = false;
    const turn = ++runs; // who pauses and runs again before the last answer is there has begun another
    if (shown && begun === version && shown.step >= target) target = 0; // that of a link was passed
    while (running && turn === runs) {
      const fresh = begun !== version && target;
      const how = fresh || target && shown && shown.step < target ? `until=${target}, seconds=0.02` : el.pace.value === "fast" ? "seconds=0.016" : el.pace.value === "epoch" ? "epochs=1" : "steps=1";
      const done = await ask(`go(${how})`);
      if (turn !== runs) return;
      if (!told && done) { el.status.textContent = "Running"; told = true; }
      if (!done && mine === version) { running = false; break; }
      mine = version;
      if (target && shown && shown.step >= target) { target = 0; pause(); break; }
      await frame();
    }
    buttons();
  }
  function pause() {
    if (!running) return;
    running = false;
    el.status.textContent = shown ? `Paused at step ${shown.step}` : "Paused";
    buttons();
    address();
  }
  function buttons() {
    el.run.textContent = running ? "Pause" : nn.loaded ? "Run" : `Run (loads ${Math.ceil(nn.size("core") / 1e6)} MB, once)`;
    root.dataset.state = running ? "running" : "idle";
  }

  // The network -----------------------------------------------------------------------------------------------------

  let units = []; // [[{canvas, button}]], a list for each column, the inputs' first
  const nameOf = (column, k) => column === 0 ? ["x₁", "x₂"][k] : column === units.length - 1 ? "the output" : `unit ${k + 1} of hidden layer ${column}`;

  function network() {
    const sizes = [2, ...state.setup.layers, 1];
    el.read.textContent = HINT;
    if (String(units.map((list) => list.length)) === String(sizes)) return panel();
    units = sizes.map(() => []);
    el.net.replaceChildren(el.svg);
    el.svg.replaceChildren();
    const tall = Math.max(...sizes), height = Math.max(180, tall * 46);
    el.net.style.height = height + "px";
    const x = (column) => 7 + 86 * column / (sizes.length - 1), y = (column, k) => height / 2 + (k - (sizes[column] - 1) / 2) * 46;
    el.svg.setAttribute("viewBox", `0 0 100 ${height}`);
    el.svg.setAttribute("preserveAspectRatio", "none");
    sizes.forEach((size, column) => {
      for (let k = 0; k < size; k++) {
        const canvas = make("canvas", {width: CELLS, height: CELLS}), what = nameOf(column, k);
        const unit = make("button", {type: "button", "class": "play-node", style: `left:${x(column)}%;top:${y(column, k)}px`, "aria-label": what[0].toUpperCase() + what.slice(1), "data-unit": `${column}.${k}`}, canvas);
        unit.onpointerenter = unit.onfocus = () => { looked = [column, k]; draw(); };
        unit.onpointerleave = unit.onblur = () => { looked = null; draw(); };
        unit.onclick = () => { if (column) choose(column, k); };
        if (column === 0) unit.append(make("span", {}, what));
        el.net.append(unit);
        units[column].push({canvas, unit});
        if (column) for (let i = 0; i < sizes[column - 1]; i++) {
          const line = document.createElementNS("http://www.w3.org/2000/svg", "line"), grip = document.createElementNS("http://www.w3.org/2000/svg", "line");
          for (const each of [line, grip]) {
            each.setAttribute("x1", x(column - 1)); each.setAttribute("y1", y(column - 1, i)); each.setAttribute("x2", x(column)); each.setAttribute("y2", y(column, k));
            each.setAttribute("vector-effect", "non-scaling-stroke");
          }
          line.dataset.edge = `${column - 1}.${i}.${k}`;
          grip.setAttribute("class", "play-grip");
          grip.dataset.grip = line.dataset.edge;
          grip.onpointerenter = () => { line.classList.add("lit"); read_edge(column, i, k); };
          grip.onpointerleave = () => { line.classList.remove("lit"); el.read.textContent = HINT; };
          grip.onclick = () => choose(column, k, i);
          el.svg.append(line, grip);
        }
      }
    });
    panel();
  }
  const HINT = "Point at a line for its weight. Press a unit to see its weights and change them.";
  function read_edge(column, i, k) {
    el.read.textContent = shown ? `Weight from ${nameOf(column - 1, i)} to ${nameOf(column, k)}: ${short(shown.weights[column - 1].W[i][k])}. Press to change it.` : "The weights are drawn when Python is loaded.";
  }

  async function choose(column, k, i) {
    selected = [column, k];
    panel();
    if (!shown) await ask();
    const input = el.unit.querySelector(i === undefined ? "input" : `[data-row="${i}"]`);
    if (input) input.focus({preventScroll: true});
  }

  function panel() {
    el.unit.hidden = !selected;
    if (!selected) return;
    const [column, k] = selected, fields = make("div");
    for (let row = 0; row <= units[column - 1].length; row++) {
      const bias = row === units[column - 1].length, input = make("input", {type: "number", step: "any", "data-row": bias ? -1 : row});
      input.onchange = () => {
        const x = read(input.value, -1e6, 1e6);
        if (x === null) return refuse(`A weight expects a number from -1000000 to 1000000, got “${input.value}”.`, input, weight(column, bias ? -1 : row, k));
        complain("");
        ask(`edit(${column - 1}, ${bias ? -1 : row}, ${k}, ${x})`);
      };
      fields.append(make("label", {}, make("span", {}, bias ? "bias" : "from " + nameOf(column - 1, row).replace(/ of hidden.*/, "")), input));
    }
    el.unit.replaceChildren(make("legend", {}, "Weights into " + nameOf(column, k)), fields,
      make("button", {type: "button", onclick: () => { selected = null; panel(); units[column][k].unit.focus(); }}, "Close"));
    values();
  }
  const weight = (column, row, k) => shown ? row < 0 ? shown.weights[column - 1].b[k] : shown.weights[column - 1].W[row][k] : "";
  function values() {
    if (!selected || !shown) return;
    for (const input of el.unit.querySelectorAll("input")) {
      const value = weight(selected[0], +input.dataset.row, selected[1]);
      if (input !== document.activeElement) input.value = typeof value === "number" ? +value.toPrecision(5) : "";
    }
  }

  // Pictures ---------------------------------------------------------------------------------------------------------

  let palette, ink;
  function colours() {
    const dark = document.documentElement.dataset.theme === "dark", base = dark ? [30, 33, 40] : [250, 250, 250], ends = dark ? [[70, 165, 230], [240, 120, 50]] : [[0, 114, 178], [213, 94, 0]];
    palette = new Uint32Array(255);
    for (let s = -127; s <= 127; s++) {
      const [r, g, b] = base.map((from, i) => Math.round(from + (ends[s < 0 ? 0 : 1][i] - from) * 0.85 * Math.abs(s) / 127));
      palette[s + 127] = (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    }
    ink = {dark, base: `rgb(${base})`, text: dark ? "#e6e6e6" : "#222", quiet: dark ? "#8a8f98" : "#6b7280", val: dark ? "#5fd3ad" : "#00795a", ends: ends.map((c) => `rgb(${c})`), deep: ["#004a75", "#8f3f00"]};
  }
  const image = new ImageData(CELLS, CELLS), pixels = new Uint32Array(image.data.buffer);
  const FINE = SIDE / 2, wide = new ImageData(FINE, FINE), dense = new Uint32Array(wide.data.buffer), sheet = make("canvas", {width: FINE, height: FINE});
  const inputs = [0, 1].map((axis) => Int8Array.from({length: CELLS * CELLS}, (_, p) => Math.round(((axis ? CELLS - 1 - Math.floor(p / CELLS) : p % CELLS) + 0.5) / CELLS * 254 - 127)));

  function field(column, k) { // bytes of a unit's picture, or null
    if (column === 0) return inputs[k];
    if (!shown) return null;
    let place = k;
    for (let c = 1; c < column; c++) place += units[c].length;
    return shown.fields.subarray(place * CELLS * CELLS, (place + 1) * CELLS * CELLS);
  }
  function paint(canvas, bytes) {
    for (let p = 0; p < pixels.length; p++) pixels[p] = palette[bytes ? bytes[p] + 127 : 127];
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // The values between the cells' centres, before they become colours: so a border is a line and not a stair.
  function large(context, values, output) {
    const logistic = output && state.setup.loss === "binary_cross_entropy";
    for (let y = 0; y < FINE; y++) {
      const v = Math.max(0, Math.min(CELLS - 1.001, (y + 0.5) / FINE * CELLS - 0.5)), top = Math.floor(v), down = v - top;
      for (let x = 0; x < FINE; x++) {
        const u = Math.max(0, Math.min(CELLS - 1.001, (x + 0.5) / FINE * CELLS - 0.5)), left = Math.floor(u), right = u - left, at = top * CELLS + left;
        let z = values ? (1 - down) * ((1 - right) * values[at] + right * values[at + 1]) + down * ((1 - right) * values[at + CELLS] + right * values[at + CELLS + 1]) : 0;
        z = output ? 127 * (logistic ? Math.tanh(z / 2) : z) : z;
        dense[y * FINE + x] = palette[Math.max(0, Math.min(254, Math.round(z) + 127))];
      }
    }
    sheet.getContext("2d").putImageData(wide, 0, 0);
    context.drawImage(sheet, 0, 0, SIDE, SIDE);
  }

  function draw() {
    const context = el.field.getContext("2d"), [column, k] = looked || [units.length - 1, 0];
    units.forEach((list, c) => list.forEach(({canvas, unit}, i) => {
      paint(canvas, field(c, i));
      unit.classList.toggle("chosen", !!selected && selected[0] === c && selected[1] === i);
    }));
    large(context, column === units.length - 1 && shown ? shown.output : field(column, k), column === units.length - 1);
    const own = state.setup.data === "own" && !samples.train ? state.points : samples.train || [];
    dots(context, own, false);
    dots(context, samples.val || [], true);
    if (!own.length) {
      context.fillStyle = ink.quiet;
      context.font = "16px sans-serif";
      context.textAlign = "center";
      context.fillText(state.setup.data === "own" ? "Click here to place points." : "Press Run: the points appear with Python.", SIDE / 2, SIDE / 2);
    }
    el.copy.disabled = !shown;
    const what = nameOf(column, k);
    el.caption.textContent = `What ${what} answers at each place. Full marks are training points, hollow ones validation points.`;
    el.field.setAttribute("aria-label", `Field of ${what}, with the points`);
    edges();
    if (shown) {
      const share = (x) => x === null || x === undefined ? "" : `, ${Math.round(100 * x)}\u00a0% right`;
      el.counts.textContent = `Epoch ${shown.epoch.toFixed(shown.epoch < 10 ? 1 : 0)} · step ${shown.step}`;
      el.legend.replaceChildren(make("span", {"class": "play-line"}, `— training: loss ${short(shown.loss)}${share(shown.right)}`), " ", ...(shown.val_loss === null && !samples.val ? [] : [make("span", {"class": "play-line play-val"}, `- - validation: loss ${short(shown.val_loss)}${share(shown.val_right)}`)]));
      statistics();
      values();
      const selection = getSelection(), selected = !selection.isCollapsed && selection.containsNode(el.code, true);
      if (el.shows.open && !selected) el.code.textContent = shown.code;
    } else {
      el.code.textContent = "";
      el.counts.textContent = "Step 0";
      el.legend.textContent = "Loss over the epochs, for training and validation points.";
      el.table.replaceChildren();
    }
    lines();
  }

  function dots(context, points, hollow) {
    for (const [x, y, target] of points) {
      const value = state.setup.data === "saddle" ? Math.max(-1, Math.min(1, target)) : target > 0.5 ? 1 : -1, at = [(x / WINDOW + 1) * SIDE / 2, (1 - y / WINDOW) * SIDE / 2];
      const colour = state.setup.data === "saddle" ? "#" + [0, 8, 16].map((shift) => (palette[Math.round(value * 127) + 127] >> shift & 255).toString(16).padStart(2, "0")).join("") : ink.deep[value > 0 ? 1 : 0];
      context.beginPath();
      if (state.setup.data !== "saddle" && value > 0) context.rect(at[0] - 3.9, at[1] - 3.9, 7.8, 7.8); else context.arc(...at, 4.2, 0, 2 * Math.PI);
      context.fillStyle = hollow ? "#fff" : colour;
      context.strokeStyle = hollow ? colour : "#fff";
      context.lineWidth = hollow ? 2.2 : 1;
      context.fill();
      context.stroke();
    }
  }

  function edges() {
    for (const line of el.svg.querySelectorAll("[data-edge]")) {
      const [l, i, k] = line.dataset.edge.split("."), w = shown ? shown.weights[l].W[i][k] : 0;
      line.style.stroke = w === null || w === 0 ? ink.quiet : ink.ends[w > 0 ? 1 : 0];
      line.style.strokeWidth = 0.75 + Math.min(6, 2 * Math.abs(w || 0));
      line.style.opacity = 0.25 + 0.6 * Math.min(1, Math.abs(w || 0));
    }
  }

  function lines() {
    const {width, height} = el.curve, context = el.curve.getContext("2d"), left = 84, foot = 40;
    context.clearRect(0, 0, width, height);
    const points = curve.filter((point) => point.loss !== null), top = Math.max(1e-9, ...points.flatMap((p) => [p.loss, p.val || 0]).filter(Number.isFinite)), end = Math.max(1, points.length ? points[points.length - 1].epoch : 1);
    const X = (epoch) => left + (width - left - 16) * epoch / end, Y = (loss) => 14 + (height - foot - 14) * (1 - loss / top);
    context.strokeStyle = context.fillStyle = ink.quiet;
    context.lineWidth = 1;
    context.font = "26px sans-serif";
    context.beginPath();
    context.moveTo(left, 8); context.lineTo(left, height - foot); context.lineTo(width - 8, height - foot);
    context.stroke();
    context.textAlign = "right";
    context.fillText(points.length ? short(top) : "", left - 6, 28);
    context.fillText("0", left - 6, height - foot);
    context.fillText(points.length ? `epoch ${end.toFixed(0)}` : "epoch", width - 8, height - 8);
    for (const [name, colour, dash] of [["loss", ink.text, []], ["val", ink.val, [12, 8]]]) {
      context.beginPath();
      context.strokeStyle = colour;
      context.setLineDash(dash);
      context.lineWidth = 3;
      for (const point of points) if (typeof point[name] === "number") context.lineTo(X(point.epoch), Y(point[name]));
      context.stroke();
    }
    context.setLineDash([]);
    const last = points[points.length - 1];
    el.curve.setAttribute("aria-label", last ? `Loss over ${last.epoch.toFixed(1)} epochs: training ${short(last.loss)}${typeof last.val === "number" ? ", validation " + short(last.val) : ""}` : "Loss over the epochs, empty so far");
  }

  function statistics() {
    const largest = Math.max(1e-300, ...shown.layers.map((layer) => layer.gradient || 0));
    shown.layers.forEach((layer, k) => {
      let row = el.table.children[k];
      if (!row) {
        row = make("tr", {}, make("th", {scope: "row"}), ...Array.from({length: 5}, () => make("td")));
        row.children[1].append(make("canvas", {width: 96, height: 28}), make("span"));
        row.children[5].append(make("span", {"class": "play-meter"}), make("span"));
        el.table.append(row);
      }
      const [name, bins, mean, alike, weights, gradient] = row.children, canvas = bins.firstChild, context = canvas.getContext("2d"), most = Math.max(1, ...layer.bins);
      name.textContent = k === shown.layers.length - 1 ? "output" : `hidden ${k + 1}`;
      context.clearRect(0, 0, 96, 28);
      context.fillStyle = ink.quiet;
      layer.bins.forEach((n, i) => context.fillRect(6 * i, 28 - 28 * n / most, 5, 28 * n / most));
      bins.lastChild.textContent = ` ${short(layer.low)} to ${short(layer.high)}`;
      mean.textContent = `${short(layer.mean)} ± ${short(layer.std)}`;
      alike.textContent = `${layer.constant} of ${layer.units}`;
      weights.textContent = short(layer.weights);
      gradient.lastChild.textContent = " " + short(layer.gradient);
      gradient.firstChild.style.width = layer.gradient ? `${Math.max(2, 60 + 15 * Math.log10(layer.gradient / largest))}px` : "0";
    });
    while (el.table.children.length > shown.layers.length) el.table.lastChild.remove();
  }

  // From a link ------------------------------------------------------------------------------------------------------

  function open(link) {
    const wanted = parse(link), goal = wanted.steps;
    pause();
    state = wanted;
    selected = looked = null;
    removed = null;
    change();
    target = state.steps = goal;
    address();
    complain(wanted.errors.join(" "));
    if (goal) el.status.textContent = `The link leads to step ${goal}: press Run.`;
    buttons();
  }
  addEventListener("hashchange", () => {
    if (location.hash && !location.hash.includes("=")) return; // a heading of this page
    open(location.hash.slice(1));
    root.scrollIntoView({block: "start"});
    if (nn.loaded && !el.error.textContent) run();
  });
  addEventListener("wheel", () => { if (document.activeElement.type === "number") document.activeElement.blur(); }, {passive: true}); // scrolls the page, no field
  new MutationObserver(() => { colours(); draw(); }).observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
  colours();
  open(location.hash.includes("=") ? location.hash.slice(1) : "");
})();
