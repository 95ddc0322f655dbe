// Brings every figure of the page to life that is not yet.
(function () {
  "use strict";
  var NS = "http://www.w3.org/2000/svg", figures = [], FEW = 4, ABSENT = -32768,
    SETTLED = 250,                                       // ms that a state must last to be a find
    PATIENCE = 45000,                                    // ms of searching until a hint comes
    GLIDE = 500,                                         // ms that a word takes to move a figure
    again = /reload|back/.test((performance.getEntriesByType("navigation")[0] || {}).type),    // the reader was elsewhere in it
    calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  function recall(key) { try { return localStorage.getItem(key); } catch (refused) { return null; } }
  function remember(key) { try { localStorage.setItem(key, "1"); } catch (refused) { /* it lasts as long as the page */ } }

  function plain(text) {                                 // a label as a number is typed: "3·10⁻⁵" is 3e-5
    return text.replace(/^(?:(\S*)·)?(\u2212?)10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/, function (all, digits, sign, power) {
      return sign + (digits || 1) + "e" + power.replace(/./g, function (d) { return "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(d)]; });
    }).replace(/\u2212/g, "-");
  }
  function number(text) { return /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$/i.test(text) ? +text : NaN; }
  function find(labels, text) {                          // as it stands there, else as it is typed, else as a number
    var typed = plain(text);
    return [
      function (l) { return l == text; },
      function (l) { return plain(l) == typed; },
      function (l) { return number(plain(l)) == number(typed); }
    ].reduce(function (k, same) { return k < 0 ? labels.findIndex(same) : k; }, -1);
  }
  function typed(labels, k) { return find(labels, plain(labels[k])) == k ? plain(labels[k]) : labels[k]; }

  function integers(bytes, at, length, width) {          // stored as byte planes, lowest byte first
    var out = new Int32Array(length), shift = 32 - 8 * width, i, k;
    for (k = 0; k < width; k++) for (i = 0; i < length; i++) out[i] |= bytes[at + k * length + i] << 8 * k;
    for (i = 0; i < length; i++) out[i] = out[i] << shift >> shift;
    return out;
  }

  function decode(slot, bytes, states) {
    var n = slot.n, at, i, j;
    slot.ix = integers(bytes, slot.ix, states, 2);
    slot.now = -1;
    if (slot.k == "n") {                                 // columns of one template, summed over the states
      slot.x = integers(bytes, slot.o, n * slot.m, slot.w);
      if (slot.d) for (i = n; i < n * slot.m; i++) slot.x[i] += slot.x[i - n];    // after the columns before
      for (j = 0; j < slot.m; j++) for (i = 1; i < n; i++) slot.x[j * n + i] += slot.x[j * n + i - 1];
      slot.t = slot.t.split("#");
    }
    if (slot.k == "v") {                                 // whole values, summed over the points
      slot.x = integers(bytes, slot.o, slot.m, slot.w);
      slot.t = slot.t.map(function (t) { return t.split("#"); });
      at = 0;
      slot.at = slot.q.map(function (t) {
        var from = at, length = slot.t[t].length - 1;
        for (i = 2; i < length; i++) slot.x[from + i] += slot.x[from + i - 2];
        at += length;
        return from;
      });
    }
  }

  function value(slot, k, q) {
    var text, out, i;
    if (slot.k == "n") {
      for (out = slot.t[0], i = 0; i < slot.m; i++) out += slot.x[i * slot.n + k] / q + slot.t[i + 1];
      return out;
    }
    if (slot.k == "v") {
      text = slot.t[slot.q[k]];
      for (out = text[0], i = 1; i < text.length; i++) out += slot.x[slot.at[k] + i - 1] / q + text[i];
      return out;
    }
    if (slot.k == "i")
      return [k % slot.cols * (slot.w + 2) + 1, (k / slot.cols | 0) * (slot.h + 2) + 1, slot.w, slot.h].join(" ");
    return slot.v[k];
  }

  function sheet(slot, slots, bytes) {                   // one image with all tiles; a state is a view of it
    var old = slot.e, group = document.createElementNS(NS, "g"), view = document.createElementNS(NS, "svg"),
      image = document.createElementNS(NS, "image");
    [].forEach.call(old.attributes, function (a) {
      if (a.name != "href") (a.name == "transform" ? group : view).setAttribute(a.name, a.value);
    });
    view.setAttribute("preserveAspectRatio", "none");
    image.setAttribute("preserveAspectRatio", "none");
    image.setAttribute("width", slot.cols * (slot.w + 2));
    image.setAttribute("height", slot.rows * (slot.h + 2));
    image.setAttribute("style", old.getAttribute("style") || "");
    image.setAttribute("href", URL.createObjectURL(
      new Blob([bytes.slice(slot.o, slot.o + slot.m)], {type: "image/png"})));
    view.appendChild(image);
    group.appendChild(view);
    old.parentNode.replaceChild(group, old);
    slots.forEach(function (s) { if (s.e == old) s.e = s.a == "transform" ? group : view; });
    slot.a = "viewBox";
  }

  function own(root, text) { return text.replace(/( id="|url\(#|href="#)/g, "$1" + root.id); }

  function inline(root, image) {                         // the start picture, from an image to a part of the page
    var source = image.getAttribute("src"), svg;
    image.insertAdjacentHTML("afterend", own(root, decodeURIComponent(source.slice(source.indexOf(",") + 1))));
    svg = image.nextSibling;
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", image.alt);
    image.remove();
    return svg;
  }

  function framed(root, image) {                         // a picture that is drawn when asked for: it stays an image
    var size = root.dataset.draws.split(" "), svg = document.createElementNS(NS, "svg"), picture = document.createElementNS(NS, "image");
    svg.setAttribute("viewBox", "0 0 " + size.join(" "));
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", image.alt);
    picture.setAttribute("width", size[0]);
    picture.setAttribute("height", size[1]);
    picture.setAttribute("href", image.getAttribute("src"));
    svg.append(picture);
    image.replaceWith(svg);
    return svg;
  }

  function tool(root, kind, text) {
    var made = document.createElement(kind);
    if (kind == "button") made.type = kind;
    made.textContent = text;
    root.querySelector(".explore-tools").append(made);
    return made;
  }

  function columns(svg, layer) {                         // the columns of axes of a picture, or null if it has but one
    var box = svg.getBoundingClientRect(), width = svg.viewBox.baseVal.width, scale = width / box.width, groups = [], cells = [];
    function extent(e) {                                 // from left to right; what is clipped ends where it is clipped
      var clip = (e.getAttribute("clip-path") || "").match(/#(.*?)\)/), to, all;
      if (clip) {
        to = svg.ownerDocument.getElementById(clip[1]).firstElementChild.getBBox();
        return [to.x, to.x + to.width];
      }
      if (e.localName == "defs" || e.localName == "clipPath") return null;
      all = [].map.call(e.localName == "g" ? e.children : [], extent).filter(Boolean);
      if (e.localName == "g") return all.length ? [Math.min.apply(null, all.map(function (r) { return r[0]; })),
        Math.max.apply(null, all.map(function (r) { return r[1]; }))] : null;
      to = e.getBoundingClientRect();
      return to.width ? [(to.left - box.left) * scale, (to.right - box.left) * scale] : null;
    }
    [].forEach.call(svg.children, function (figure) {
      if (figure.localName != "g") return;
      [].slice.call(figure.children, 1).forEach(function (part) {          // without the ground
        var at = extent(part);
        if (part.hasAttribute("transform")) groups.push({part: part, at: [0, width]});
        else if (at) groups.push({part: part, at: at});
      });
    });
    if (layer) [].slice.call(layer.children).forEach(function (child) {
      var at = child.firstElementChild && child.localName == "g" && child.hasAttribute("data-part") ? null : child, part = child;
      if (at) {                                          // its own transform stays its own
        at = extent(child);
        part = document.createElementNS(NS, "g");
        part.setAttribute("data-part", "");
        child.replaceWith(part);
        part.append(child);
      } else at = extent(child.firstElementChild);
      if (at) groups.push({part: part, at: at});
    });
    groups.sort(function (a, b) { return a.at[0] - b.at[0]; });
    groups.forEach(function (group) {
      var last = cells[cells.length - 1];
      if (last && (group.at[0] < last.right || group.at[1] - group.at[0] < 0.12 * width)) {  // a colour bar stays with its axes
        last.parts.push(group.part);
        last.right = Math.max(last.right, group.at[1]);
      } else cells.push({left: group.at[0], right: group.at[1], parts: [group.part]});
    });
    if (cells.length < 2) return null;
    cells.forEach(function (cell, i) { if (i) cells[i - 1].right = cell.left = (cells[i - 1].right + cell.left) / 2; });
    cells[0].left = Math.max(0, cells[0].left - 4);
    cells[cells.length - 1].right = Math.min(width, cells[cells.length - 1].right + 4);
    return cells;
  }

  var ROW = 38;                                          // letters that find room in one column of controls, beside another

  function segments(select, moved) {                     // few choices side by side; the select keeps the choice
    var label = select.closest("label"), row = document.createElement("div"), group = document.createElement("span"), all,
      pairs = select.options.length == 4 ? [0, 1].map(function () { return document.createElement("span"); }) : [];
    row.className = "explore-row";
    group.className = "explore-segments";
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", label.firstElementChild.textContent);
    group.append.apply(group, pairs);                    // four that find no room in one row stand two by two
    row.append(label.firstElementChild, group, select);
    label.replaceWith(row);
    select.hidden = true;
    all = [].map.call(select.options, function (option, k) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = option.textContent;
      button.setAttribute("role", "radio");
      button.addEventListener("click", function () { select.selectedIndex = k; moved(); });
      button.addEventListener("keydown", function (event) {
        var by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key], next;
        if (!by) return;
        event.preventDefault();
        next = (k + by + all.length) % all.length;
        all[next].focus();
        all[next].click();
      });
      (pairs[k >> 1] || group).append(button);
      return button;
    });
    if (group.textContent.length + 2.5 * all.length > ROW) row.style.gridColumn = "1 / -1";
    select.showChoice = function () {
      all.forEach(function (button, k) {
        button.setAttribute("aria-checked", k == select.selectedIndex);
        button.tabIndex = k == select.selectedIndex ? 0 : -1;
      });
    };
  }

  function start(root, bytes) {
    var size = new DataView(bytes.buffer).getUint32(0, true),
      data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))),
      frame = root.querySelector(".explore-scroll"), said = root.querySelector(".explore-said"),
      inputs = [].slice.call(root.querySelectorAll("input,select")), moved = inputs[data.play],
      name = root.dataset.name, initial, layer, asked = null, answers = 0, shown = 0, hand = false, stacked = null, full, timer = 0, saying = 0, gliding = 0, settling = 0, searching = 0, before, aim = null,
      draws = "draws" in root.dataset, svg = (draws ? framed : inline)(root, root.querySelector("img")), picture = svg.parentNode,
      goals = [].slice.call(root.querySelectorAll(".explore-goal")), handles = data.h || [], strides = [], state, held, pointer,
      play = tool(root, "button", calm ? "Step" : "Play"), reset = tool(root, "button", "Reset"),
      link = tool(root, "a", "Link to this state"), back = tool(root, "button", "Back");     // comes and goes: nothing stands behind it
    bytes = bytes.subarray(4 + size);
    if (draws) data.s = [];
    data.s.forEach(function (slot) {
      slot.e = slot.p.reduce(function (e, i) { return e.children[i]; }, svg);
      decode(slot, bytes, data.n);
    });
    data.s.forEach(function (slot) { if (slot.k == "i") sheet(slot, data.s, bytes); });
    if (data.d) data.d.ix = integers(bytes, data.d.ix, data.n, 2);
    full = [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height];
    data.c.reduceRight(function (stride, c, i) { strides[i] = stride; return stride * c.l.length; }, 1);

    if (root.dataset.keep == "images") {                 // images that keep their colours in the dark: a layer of their own
      layer = svg.cloneNode(false);
      layer.setAttribute("aria-hidden", "true");
      layer.removeAttribute("role");
      svg.querySelectorAll("image").forEach(function (image) {
        layer.appendChild(image.closest("g[clip-path]") || image);
      });
      svg.after(layer);
    }
    function fit() {                                     // axes side by side stand one below the other where they find no room
      arrange(null);
      if (frame.clientWidth && frame.scrollWidth > frame.clientWidth) arrange(columns(svg, layer));
      if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;       // what scrolls must be reached by keyboard
      else frame.removeAttribute("tabindex");
    }
    function arrange(cells) {
      var wide = cells && Math.max.apply(null, cells.map(function (cell) { return cell.right - cell.left; }));
      if (!cells && !stacked) return;
      (cells || stacked).forEach(function (cell, i) {
        cell.dx = cells ? (wide - cell.right - cell.left) / 2 : 0;
        cell.dy = cells ? i * full[1] : 0;
        cell.parts.forEach(function (part) {
          if (cells) part.setAttribute("transform", "translate(" + cell.dx + " " + cell.dy + ")");
          else part.removeAttribute("transform");
        });
      });
      [svg, layer].forEach(function (s) {
        if (s) s.setAttribute("viewBox", cells ? [0, 0, wide, full[1] * cells.length].join(" ") : [0, 0, full[0], full[1]].join(" "));
      });
      ["width", "least"].forEach(function (kind) {
        var name = "--explore-" + kind;
        if (cells) picture.style.setProperty(name, parseFloat(root.style.getPropertyValue(name)) * wide / full[0] + "px");
        else picture.style.removeProperty(name);
      });
      stacked = cells;
      if (state != null) show();
    }
    function shift(h) {                                  // of the axes that a handle belongs to, in points
      var x = h.x.find(function (v) { return v != ABSENT; }) / data.q;
      return stacked && stacked.find(function (cell) { return x < cell.right; }) || {dx: 0, dy: 0};
    }

    function get(input) {
      return input.type == "checkbox" ? +input.checked : input.type == "range" ? +input.value : input.selectedIndex;
    }
    function set(input, k) {
      if (input.type == "checkbox") input.checked = !!k;
      else if (input.type == "range") input.value = k;
      else input.selectedIndex = k;
    }
    function first(input) {                              // as drawn, whatever the browser restores after Back
      return input.type == "checkbox" ? +input.defaultChecked : input.type == "range" ? +input.defaultValue
        : Math.max(0, [].findIndex.call(input.options, function (o) { return o.defaultSelected; }));
    }
    function put(indices) { inputs.forEach(function (input, i) { set(input, indices[i]); }); show(); }
    function indices(of) { return data.c.map(function (c, i) { return Math.floor(of / strides[i]) % c.l.length; }); }

    function show() {
      var hash = [], k;
      state = 0;
      inputs.forEach(function (input, i) {
        var c = data.c[i], k = get(input);
        state += k * strides[i];
        hash.push(encodeURIComponent(c.n) + "=" + encodeURIComponent(typed(c.l, k)));
        if (input.type == "range") {
          input.setAttribute("aria-valuetext", c.l[k]);
          input.nextElementSibling.textContent = c.l[k];
        } else if (input.showChoice) input.showChoice();
      });
      data.s.forEach(function (slot) {
        var k = slot.ix[state], v;
        if (k == slot.now) return;
        slot.now = k;
        v = value(slot, k, data.q);
        if (slot.a == "#text") slot.e.textContent = v;
        else if (slot.a == "#inner") slot.e.innerHTML = own(root, v);
        else if (v == null) slot.e.removeAttribute(slot.a);
        else slot.e.setAttribute(slot.a, slot.a == "id" ? root.id + v :
          slot.a == "href" ? v.replace(/^#/, "#" + root.id) : slot.k == "s" ? own(root, v) : v);
      });
      place();
      link.href = "#explore=" + encodeURIComponent(name) + "&" + hash.join("&");
      clearTimeout(settling);
      hand = false;
      if (draws && state != asked) ask();
      if (data.d) {
        clearTimeout(saying);
        saying = setTimeout(function () {                // not while the slider is still moving
          say(data.d.v[data.d.ix[state]]);
        }, 200);
      }
    }
    function say(text) {
      svg.setAttribute("aria-label", text);
      if (!timer) said.textContent = text;
    }
    function place() {                                   // the handles
      var k = indices(state);
      handles.forEach(function (h) {
        var view = svg.viewBox.baseVal, by = shift(h),
          x = (h.x[state] / data.q + by.dx) / view.width, y = (h.y[state] / data.q + by.dy) / view.height;
        h.e.hidden = held != h && h.e != document.activeElement && (h.x[state] == ABSENT || x < 0 || x > 1 || y < 0 || y > 1);
        if (h.x[state] != ABSENT) {
          h.e.style.left = 100 * Math.max(0, Math.min(1, x)) + "%";        // one that keys have moved out waits at the edge
          h.e.style.top = 100 * Math.max(0, Math.min(1, y)) + "%";
        }
        h.e.setAttribute("aria-valuenow", k[h.m[0]]);
        h.e.setAttribute("aria-valuetext", h.m.map(function (i) { return h.l[i] + " " + data.c[i].l[k[i]]; }).join(", "));
      });
    }
    function ask() {                                     // whoever hears it draws this state, or a later one
      var first = asked == null;
      asked = state;
      if (!first) root.dispatchEvent(new CustomEvent("explore-draw", {bubbles: true, detail: {figure: root.id, state: state, answer: answered}}));
    }
    function answered(of, answer) {
      var next = new Image(), url = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(answer.picture), turn = ++answers;
      function put() {
        if (turn < shown) return;                        // a later picture was decoded sooner
        shown = turn;
        svg.firstElementChild.setAttribute("href", url);
        root.dataset.drawn = of;
      }
      next.src = url;
      next.decode().then(put, put);
      handles.forEach(function (h, i) { h.x[of] = answer.handles[i][0]; h.y[of] = answer.handles[i][1]; });
      goals.forEach(function (_, i) { if (answer.reached[i]) bytes[data.g[i] + (of >> 3)] |= 1 << (of & 7); });
      if (of != state) return;
      place();
      if (answer.said) say(answer.said);
      if (hand) settle();
    }

    // Goals: ticked when the reader's own hand leads to a state and stays there.
    function tick(goal) {
      var mark = document.createElement("span");
      goal.dataset.reached = "";
      mark.className = "explore-hidden";
      mark.textContent = "Found: ";
      goal.prepend(mark);
      if (goal.querySelector(".explore-hint")) goal.querySelector(".explore-hint").remove();
    }
    function byHand() {
      stop();
      show();
      if (goals.length && !searching) searching = setTimeout(function () {
        goals.forEach(function (goal) {
          if ("reached" in goal.dataset || !goal.dataset.hint) return;
          var hint = document.createElement("span");
          hint.className = "explore-hint";
          hint.textContent = " " + goal.dataset.hint;
          goal.append(hint);
        });
      }, PATIENCE);
      hand = true;
      settle();
    }
    function settle() {
      clearTimeout(settling);
      settling = setTimeout(function () {
        goals.forEach(function (goal, i) {
          if ("reached" in goal.dataset || !(bytes[data.g[i] + (state >> 3)] >> (state & 7) & 1)) return;
          remember("nn:goal:" + goal.dataset.goal);
          clearTimeout(saying);
          said.textContent = "Found: " + goal.firstChild.textContent;
          tick(goal);
          goal.dispatchEvent(new CustomEvent("explore-goal", {bubbles: true, detail: goal.dataset.goal}));
        });
      }, SETTLED);
    }
    goals.forEach(function (goal) { if (recall("nn:goal:" + goal.dataset.goal)) tick(goal); });

    // Handles: among the states that a handle's controls reach, the one whose handle is nearest.
    function reach(h) {
      var now = indices(state), found = [state];
      h.m.forEach(function (i) {
        found = [].concat.apply([], found.map(function (s) {
          return data.c[i].l.map(function (_, k) { return s + (k - now[i]) * strides[i]; });
        }));
      });
      return found;
    }
    function steps(h, s) {
      var a = indices(s), b = indices(state);
      return h.m.reduce(function (sum, i) { return sum + Math.abs(a[i] - b[i]); }, 0);
    }
    function point(h, event) {                           // in quanta of the picture as drawn
      var box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal, by = shift(h);
      return [((event.clientX - box.left) / box.width * view.width - by.dx) * data.q,
        ((event.clientY - box.top) / box.height * view.height - by.dy) * data.q];
    }
    function distance(h, s, p) {
      return h.x[s] == ABSENT ? Infinity : (h.x[s] - p[0]) * (h.x[s] - p[0]) + (h.y[s] - p[1]) * (h.y[s] - p[1]);
    }
    function follow(h, p) {
      var best = state, least = distance(h, state, p), few = 0;
      h.states.forEach(function (s) {
        var d = distance(h, s, p), n;
        if (d > least || s == best) return;
        n = steps(h, s);
        if (d < least || n < few) { best = s; least = d; few = n; }
      });
      go(best);
    }
    function go(to) {
      if (to == state) return;
      indices(to).forEach(function (k, i) { set(inputs[i], k); });
      byHand();
    }
    function press(h, event) {
      var by = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key], far = {PageUp: 5, PageDown: -5}[event.key],
        now = indices(state), last, best = null, most = 0.38, i = h.m[0];
      function to(i, k) { return state + (Math.max(0, Math.min(data.c[i].l.length - 1, k)) - now[i]) * strides[i]; }
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key == "Home" || event.key == "End" || far) {
        last = event.key == "Home" ? 0 : event.key == "End" ? Infinity : now[i] + far;
        event.preventDefault();
        return go(to(i, last));
      }
      if (!by) return;
      event.preventDefault();
      h.m.forEach(function (i) {                         // the neighbour that lies most in that direction
        [1, -1].forEach(function (step) {
          var s = to(i, now[i] + step), dx = h.x[s] - h.x[state], dy = h.y[s] - h.y[state], along;
          if (s == state || h.x[s] == ABSENT) return;
          along = (dx * by[0] + dy * by[1]) / (Math.hypot(dx, dy) || 1);
          if (along > most + 1e-9) { most = along; best = s; }
        });
      });
      if (best == null && h.m.length == 1) {             // across its way, or where it stands still: one value on or back
        last = to(i, now[i] + (by[0] - by[1]));
        if (Math.abs((h.x[last] - h.x[state]) * by[0] + (h.y[last] - h.y[state]) * by[1])
            <= 0.38 * Math.hypot(h.x[last] - h.x[state], h.y[last] - h.y[state])) best = last;
      }
      if (best != null) go(best);
    }
    handles.forEach(function (h) {
      var e = h.e = document.createElement("div");
      h.x = integers(bytes, h.x, data.n, 2);
      h.y = integers(bytes, h.y, data.n, 2);
      h.l = inputs.map(function (input) { return input.closest("label").firstElementChild.textContent; });
      e.className = "explore-handle";
      e.tabIndex = 0;
      e.setAttribute("role", "slider");
      e.setAttribute("aria-label", h.n);
      e.setAttribute("aria-valuemin", 0);
      e.setAttribute("aria-valuemax", data.c[h.m[0]].l.length - 1);
      e.addEventListener("keydown", function (event) { press(h, event); });
      e.addEventListener("blur", function () { setTimeout(place); });
      e.addEventListener("pointerdown", function (event) {
        if (event.button) return;
        event.preventDefault();
        if (held) delete held.e.dataset.held;
        pointer = event.pointerId;                       // another finger holds nothing any more
        held = handles.reduce(function (best, other) {   // where several lie on one another, the nearest
          return !other.e.hidden && distance(other, state, point(other, event)) < distance(best, state, point(best, event))
            ? other : best;
        }, h);
        stop();
        held.states = reach(held);
        held.e.focus({preventScroll: true});
        held.e.dataset.held = "";
        e.setPointerCapture(event.pointerId);
      });
      e.addEventListener("pointermove", function (event) { if (held && event.pointerId == pointer) follow(held, point(held, event)); });
      ["pointerup", "pointercancel", "lostpointercapture"].forEach(function (kind) {
        e.addEventListener(kind, function (event) {
          if (!held || event.pointerId != pointer) return;
          delete held.e.dataset.held;
          held = null;
          byHand();
        });
      });
      picture.append(e);
    });

    function stop() {
      clearInterval(timer);
      cancelAnimationFrame(gliding);
      timer = 0;
      aim = null;
      if (!calm) play.textContent = "Play";
    }
    function glide(to) {                                 // through the states between, sliders only
      var from = inputs.map(get), began = performance.now();
      stop();
      aim = to;
      if (calm) return put(to);
      (function frame() {
        var part = Math.min(1, (performance.now() - began) / GLIDE), eased = part * part * (3 - 2 * part);
        put(to.map(function (k, i) {
          return inputs[i].type == "range" ? Math.round(from[i] + (k - from[i]) * eased) : k;
        }));
        if (part < 1) gliding = requestAnimationFrame(frame);
      })();
    }
    function here() { return aim || inputs.map(get); }   // or where it is gliding to
    function wanted(query) {                             // explore=name&w=2, or w=2 for every figure with a w
      var given = new URLSearchParams(query), hit = false, to = here().slice();
      if (given.has("explore") && given.get("explore") != name) return null;
      data.c.forEach(function (c, i) {
        var text = given.get(c.n), k;
        if (text == null) return;
        k = find(c.l, text);
        if (k >= 0) { to[i] = k; hit = true; }
      });
      return hit ? to : null;
    }
    function preset(query, quiet) {
      var to = wanted(query);
      if (!to) return;
      stop();
      put(to);
      if (!quiet && new URLSearchParams(query).has("explore")) root.scrollIntoView({block: "nearest"});
    }
    function word(query) {                               // a link in the text, with a way back
      var to = wanted(query);
      if (!to || String(to) == String(here())) return;   // also the second click of two
      before = here();
      back.hidden = false;
      glide(to);
    }

    inputs.forEach(function (input) {
      input.addEventListener("input", byHand);
      if (input.localName == "select" && input.length <= FEW) segments(input, byHand);
      set(input, first(input));
    });
    initial = inputs.map(get);
    back.hidden = true;
    back.addEventListener("click", function () {
      back.hidden = true;
      glide(before);
      root.querySelector("fieldset :is(input, select:not([hidden]), [role=radio][tabindex='0'])").focus({preventScroll: true});
    });
    reset.addEventListener("click", function () {
      stop();
      put(initial);
    });
    if (!moved) play.remove();
    else {
      play.addEventListener("click", function () {
        var count = data.c[data.play].l.length;
        if (calm) { set(moved, (get(moved) + 1) % count); return byHand(); }
        if (timer) return stop();
        stop();
        play.textContent = "Pause";
        timer = setInterval(function () { set(moved, (get(moved) + 1) % count); show(); },
          Math.min(600, Math.max(80, 8000 / count)));
      });
    }
    root.querySelector("fieldset").disabled = false;
    root.querySelector("fieldset").hidden = false;
    show();
    fit();
    addEventListener("resize", fit);
    figures.push({root: root, name: name, preset: preset, word: word});
    preset(location.hash.slice(1), again);
    root.dataset.ready = "";
  }

  addEventListener("hashchange", function () {
    figures.forEach(function (figure) { figure.preset(location.hash.slice(1)); });
  });

  document.addEventListener("click", function (event) {  // words that move figures: no scrolling, no history
    var link = event.target.closest && event.target.closest('a[href*="#explore="]'), name, named, near;
    if (!link || link.closest(".explore-tools") || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.href.split("#")[0] != location.href.split("#")[0]) return;
    name = new URLSearchParams(link.hash.slice(1)).get("explore");
    named = figures.filter(function (figure) { return figure.name == name; });
    near = named.filter(function (figure) {
      var box = figure.root.getBoundingClientRect();
      return box.bottom > 0 && box.top < innerHeight;
    });
    if (!named.length) return;
    event.preventDefault();
    (near.length ? near : named).forEach(function (figure) { figure.word(link.hash.slice(1)); });
  }, true);

  function wake() { document.querySelectorAll(".explore:not([data-alive])").forEach(function (root) {
    var data = root.querySelector(".explore-data"), packed;
    if (!data) return;
    root.dataset.alive = "";
    while (document.getElementById(root.id) != root) root.id += "x";       // the same figure stands here twice
    if (!window.DecompressionStream) {
      packed = document.createElement("p");
      packed.textContent = "The controls of this figure need a newer browser.";
      root.append(packed);
      return;
    }
    packed = Uint8Array.from(atob(data.textContent), function (c) { return c.charCodeAt(0); });
    new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer()
      .then(function (buffer) { start(root, new Uint8Array(buffer)); });
  }); }
  wake();
  document.addEventListener("explore-wake", function () { // there is a new figure
    again = true;
    wake();
  });
})();
