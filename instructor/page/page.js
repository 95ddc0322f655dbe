// The page of an assignment: the notebook that is handed out, answered here and downloaded again.
(function () {
  "use strict";
  const nn = window.nnPython, given = nn.assignment, place = (id) => document.getElementById(id);
  const runnable = [...document.querySelectorAll(".runnable")], written = [...document.querySelectorAll(".written")];
  const cells = [...runnable, ...written].map((root) => ({id: root.dataset.cell, root}));
  const stubs = given.stubs;
  let notebook = nn.notebook, opened = null; // as it is, and the text of the one that is kept

  nn.script = () => Promise.resolve(); // all scripts stand in this page

  const source = (cell) => (Array.isArray(cell.source) ? cell.source.join("") : cell.source);
  const {keep, kept} = nn;

  for (const area of written) { // empty as long as it is what was handed out
    const stub = stubs[area.dataset.cell], unkept = document.createElement("span");
    unkept.setAttribute("role", "alert");
    area.after(unkept);
    area.kept = `written ${area.dataset.cell}`;
    area.value = kept(area.kept) || "";
    area.getCode = () => area.value.trim() || stub;
    area.oninput = () => { unkept.textContent = keep(area.kept, area.value) ? "" : nn.unkept; };
    area.setCode = (text) => { area.value = text === stub ? "" : text; area.oninput(); };
  }

  function take(text) { // a notebook of this assignment; raises what is wrong with any other
    let found;
    try { found = JSON.parse(text); } catch (error) { throw new Error("is not a notebook"); }
    if (found?.metadata?.assignment?.name !== given.name) throw new Error(`is not a notebook of ${given.name}`);
    const whole = (cell) => typeof cell?.source === "string" || Array.isArray(cell?.source);
    if (!Array.isArray(found.cells) || !found.cells.every(whole)) throw new Error("is not a notebook");
    const lost = given.cells.filter((id) => !found.cells.some((cell) => cell.id === id));
    if (lost.length) throw new Error(`lacks cells of the notebook that was handed out: ${lost.join(", ")}`);
    return found;
  }

  function use(found) {
    notebook = found;
    opened = kept("notebook");
    const checks = notebook.cells.find((cell) => cell.id === given.checks), student = notebook.metadata.assignment.student;
    nn.before = `import numpy as np\n${source(checks)}`;
    nn.python.stop(); // it may hold another notebook's checks
    place("exercises").hidden = place("hand-in").hidden = false;
    place("whose").hidden = !!student;
    if (student) place("student").value = student;
  }

  function filled() { // the notebook with what is written here; a cell that was not touched stays as it came
    const made = JSON.parse(JSON.stringify(notebook));
    for (const {id, root} of cells) {
      const cell = made.cells.find((cell) => cell.id === id), code = root.getCode();
      if (source(cell) === code) continue;
      cell.source = code.split(/(?<=\n)/);
      if (cell.cell_type === "code") Object.assign(cell, {outputs: [], execution_count: null});
    }
    return JSON.stringify(made, null, 1) + "\n";
  }

  place("file").onchange = async ({target}) => {
    const [file] = target.files, say = (text) => { place("opened").textContent = text; };
    if (!file) return;
    try {
      const text = await file.text(), found = take(text), at = (id) => source(found.cells.find((cell) => cell.id === id));
      const lost = cells.some(({id, root}) => ![stubs[id], at(id)].includes(root.getCode()));
      if (lost && !confirm(`Put the answers of ${file.name} in place of what is written here?`)) return;
      const keeps = keep("notebook", text), more = found.cells.filter((cell) => !given.cells.includes(cell.id)).length;
      use(found);
      for (const {id, root} of cells) root.setCode(at(id));
      say(`${file.name} is open.` + (more ? ` Cells that you added (${more}) stay in the notebook, but are neither shown nor run here.` : "") +
        (keeps ? "" : " This browser cannot keep it: open it again when you come back to this page."));
    } catch (error) {
      say(`${file.name} ${error.message}.`);
    } finally {
      target.value = "";
    }
  };

  place("download").onclick = () => {
    const student = place("student").value.trim().replace(/[\\/:*?"<>|\x00-\x1f]/g, "_").replace(/^\.+/, "");
    const link = document.createElement("a"), name = given.name + (student ? `-${student}` : "") + ".ipynb";
    link.href = URL.createObjectURL(new Blob([filled()], {type: "application/x-ipynb+json"}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60e3);
    const open = cells.filter(({id, root}) => root.getCode() === stubs[id]).map(({root}) => root.dataset.name);
    place("downloaded").textContent = `${name} is in your downloads.` + (open.length ? ` Not answered: ${open.join(", ")}.` : "");
  };

  place("student").value = kept("student") || "";
  place("student").oninput = ({target}) => keep("student", target.value);
  function again() { // the same assignment in another tab, or in a later visit: what was written last counts
    for (const area of written) area.value = kept(area.kept) || "";
    place("student").value = kept("student") || "";
    if (kept("notebook") !== opened) use(take(kept("notebook")));
  }
  addEventListener("storage", again);
  addEventListener("pageshow", ({persisted}) => { if (persisted) again(); });
  if (!runnable.length && document.querySelector(".cell")) { // an old browser, which page.js has told
    place("hand-in").hidden = place("open").hidden = true;
    return;
  }
  try { notebook = take(kept("notebook")); } catch (none) { /* the one in this page */ }
  if (notebook) return use(notebook);
  place("exercises").hidden = place("hand-in").hidden = true;
  place("open-why").textContent = `Each student's numbers are different: open the notebook that you were given, ${given.name}-….ipynb.`;
})();
