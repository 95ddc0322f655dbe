// Brings every figure of the page to life that is not yet. Runs once after each figure.
(function () {
  "use strict";
  var NS = "http://www.w3.org/2000/svg", figures = [];

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

  function tool(root, kind, text) {
    var made = document.createElement(kind);
    if (kind == "button") made.type = kind;
    made.textContent = text;
    root.querySelector(".explore-tools").append(made);
    return made;
  }

  function start(root, bytes) {
    var size = new DataView(bytes.buffer).getUint32(0, true),
      data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))),
      frame = root.querySelector(".explore-scroll"), said = root.querySelector(".explore-said"),
      inputs = [].slice.call(root.querySelectorAll("input,select")), moved = inputs[data.play],
      name = root.dataset.name, initial, timer = 0, saying = 0, svg = inline(root, root.querySelector("img")),
      play = tool(root, "button", "Play"), reset = tool(root, "button", "Reset"), link = tool(root, "a", "Link to this state");
    bytes = bytes.subarray(4 + size);
    data.s.forEach(function (slot) {
      slot.e = slot.p.reduce(function (e, i) { return e.children[i]; }, svg);
      decode(slot, bytes, data.n);
    });
    data.s.forEach(function (slot) { if (slot.k == "i") sheet(slot, data.s, bytes); });
    if (data.d) data.d.ix = integers(bytes, data.d.ix, data.n, 2);

    if ("keep" in root.dataset) {                        // images that keep their colours in the dark: a layer of their own
      var layer = svg.cloneNode(false);
      layer.setAttribute("aria-hidden", "true");
      layer.removeAttribute("role");
      svg.querySelectorAll("image").forEach(function (image) {
        layer.appendChild(image.closest("g[clip-path]") || image);
      });
      svg.after(layer);
    }
    function scrolls() {                                 // what scrolls must be reached by keyboard
      if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0; else frame.removeAttribute("tabindex");
    }
    addEventListener("resize", scrolls);
    scrolls();

    function get(input) {
      return input.type == "checkbox" ? +input.checked : input.type == "range" ? +input.value : input.selectedIndex;
    }
    function set(input, k) {
      if (input.type == "checkbox") input.checked = !!k;
      else if (input.type == "range") input.value = k;
      else input.selectedIndex = k;
    }
    function show() {
      var state = 0, hash = [];
      inputs.forEach(function (input, i) {
        var c = data.c[i], k = get(input);
        state = state * c.l.length + k;
        hash.push(encodeURIComponent(c.n) + "=" + encodeURIComponent(c.l[k].replace("\u2212", "-")));
        if (input.type == "range") {
          input.setAttribute("aria-valuetext", c.l[k]);
          input.nextElementSibling.textContent = c.l[k];
        }
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
      link.href = "#explore=" + encodeURIComponent(name) + "&" + hash.join("&");
      if (data.d) {
        clearTimeout(saying);
        saying = setTimeout(function () {                // not while the slider is still moving
          var text = data.d.v[data.d.ix[state]];
          svg.setAttribute("aria-label", text);
          if (!timer) said.textContent = text;
        }, 200);
      }
    }
    function stop() {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    }
    function preset(query) {                             // #explore=name&w=2, or #w=2 for every figure with a w
      var wanted = new URLSearchParams(query), hit = false;
      if (wanted.has("explore") && wanted.get("explore") != name) return;
      data.c.forEach(function (c, i) {
        var text = wanted.get(c.n), k;
        if (text == null) return;
        text = text.replace("\u2212", "-");
        k = c.l.findIndex(function (l) {
          l = l.replace("\u2212", "-");
          return l == text || l != "" && text != "" && +l == +text;
        });
        if (k >= 0) { set(inputs[i], k); hit = true; }
      });
      if (hit) { show(); if (wanted.has("explore")) root.scrollIntoView({block: "nearest"}); }
    }

    initial = inputs.map(get);
    inputs.forEach(function (input) {
      input.addEventListener("input", function () { if (timer) stop(); show(); });
    });
    reset.addEventListener("click", function () {
      stop();
      inputs.forEach(function (input, i) { set(input, initial[i]); });
      show();
    });
    if (!moved || matchMedia("(prefers-reduced-motion: reduce)").matches) play.remove();
    else {
      play.addEventListener("click", function () {
        if (timer) return stop();
        var count = data.c[data.play].l.length;
        play.textContent = "Pause";
        timer = setInterval(function () { set(moved, (get(moved) + 1) % count); show(); },
          Math.min(600, Math.max(80, 8000 / count)));
      });
    }
    root.querySelector("fieldset").disabled = false;
    show();
    figures.push(preset);
    preset(location.hash.slice(1));
    root.dataset.ready = "";
  }

  addEventListener("hashchange", function () {
    figures.forEach(function (preset) { preset(location.hash.slice(1)); });
  });

  document.querySelectorAll(".explore:not([data-alive])").forEach(function (root) {
    var data = root.querySelector(".explore-data");
    if (!data) return;
    root.dataset.alive = "";
    var packed = Uint8Array.from(atob(data.textContent), function (c) { return c.charCodeAt(0); });
    new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer()
      .then(function (buffer) { start(root, new Uint8Array(buffer)); });
  });
})();
