// The picture of a figure in a kernel, with its handles. The kernel chooses the state; one question is under way at a time.
export default {
  render({model, el}) {
    el.innerHTML = model.get("value");
    const root = el.querySelector(".explore"), frame = el.querySelector(".explore-picture");
    let waiting = false, next = null, held = null, pointer = null;
    const ask = message => {
      if (waiting) { next = message; return; }
      waiting = true;
      model.send(message);
    };
    function point(event) {                              // in parts of the picture's width and height
      const box = frame.querySelector("svg").getBoundingClientRect();
      return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, box};
    }
    function nearest(event, first) {                     // where several lie on one another
      const {x, y, box} = point(event), places = model.get("handles");
      const far = k => handles[k].hidden ? Infinity : Math.hypot((x - places[k].x) * box.width, (y - places[k].y) * box.height);
      return handles.reduce((best, _, k) => far(k) < far(best) ? k : best, first);
    }
    function release() {
      if (held != null) delete handles[held].dataset.held;
      held = null;
    }
    const handles = model.get("handles").map((handle, k) => {
      const e = document.createElement("div");
      e.className = "explore-handle";
      e.tabIndex = 0;
      for (const [name, value] of Object.entries({role: "slider", "aria-label": handle.name, "aria-valuemin": 0}))
        e.setAttribute(name, value);
      e.addEventListener("pointerdown", event => {
        if (event.button) return;
        event.preventDefault();
        release();
        pointer = event.pointerId;                       // another finger holds nothing any more
        held = nearest(event, k);
        handles[held].focus({preventScroll: true});
        handles[held].dataset.held = "";
        e.setPointerCapture(pointer);
      });
      e.addEventListener("pointermove", event => {
        if (held == null || event.pointerId != pointer) return;
        const {x, y} = point(event);
        ask({handle: held, x, y});
      });
      e.addEventListener("lostpointercapture", event => { if (event.pointerId == pointer) release(); });
      e.addEventListener("keydown", event => {
        if (!/^(Arrow|Home$|End$|Page)/.test(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();                         // JupyterLab would go to another cell
        ask({handle: k, key: event.key});
      });
      frame.append(e);
      return e;
    });
    function place() {
      model.get("handles").forEach((handle, k) => {
        const e = handles[k];
        e.hidden = handle.x == null && !("held" in e.dataset);
        e.style.left = 100 * handle.x + "%";
        e.style.top = 100 * handle.y + "%";
        e.setAttribute("aria-valuemax", handle.last);
        e.setAttribute("aria-valuenow", handle.now);
        e.setAttribute("aria-valuetext", handle.text);
      });
    }
    model.on("change:value", () => {                     // the handles stay, or they would lose pointer and focus
      const made = document.createElement("template");
      made.innerHTML = model.get("value");
      frame.querySelector("svg").replaceWith(made.content.querySelector("svg"));
      root.style.cssText = made.content.querySelector(".explore").style.cssText;
    });
    model.on("change:handles", place);
    model.on("change:answered", () => {
      waiting = false;
      if (next) { const message = next; next = null; ask(message); }
    });
    place();
  },
};
