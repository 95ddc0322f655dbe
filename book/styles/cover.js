// The cover knows what this reader has done: a way back to where reading stopped, rings on the cards; and it joins the cards.
(function () {
  "use strict";
  var NS = "http://www.w3.org/2000/svg", map = document.querySelector(".map"), cards = {}, latest = null;
  if (!map) return;

  function stored(key) {
    try { return localStorage.getItem(key); } catch (refused) { return null; }
  }
  function place(page) {
    try {
      var kept = JSON.parse(stored("nn:read:" + page));
      return kept && Array.isArray(kept.seen) ? kept : null;
    } catch (broken) { return null; }
  }
  function words(text) { return text ? text.split(" ") : []; }
  function draw(name, attributes, parent) {
    var made = document.createElementNS(NS, name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    parent.append(made);
    return made;
  }

  function rings(card, counts) {                         // [[what, done, of], ...] from the outer ring to the inner
    var box = document.createElement("p"), svg = draw("svg", {viewBox: "0 0 40 40", "aria-hidden": "true"}, box);
    box.className = "map-rings";
    counts.forEach(function (count, i) {
      var r = 18 - 6 * i, share = Math.min(1, count[1] / count[2]);
      draw("circle", {cx: 20, cy: 20, r: r, "class": "ring"}, svg);
      if (share) draw("circle", {cx: 20, cy: 20, r: r, pathLength: 1, "stroke-dasharray": share + " 1", "class": "ring-done ring-" + count[0]}, svg);
    });
    box.append(counts.map(function (count) { return count[0] + " " + count[1] + " of " + count[2]; }).join(" · "));
    card.append(box);
  }

  function show() {
    latest = null;
    [].forEach.call(document.querySelectorAll(".map-rings, .cover-continue"), function (made) { made.remove(); });
    [].forEach.call(map.querySelectorAll(".map-card"), function (card) {
      var page = card.dataset.page, kept = place(page), goals = words(card.dataset.goals), exercises = words(card.dataset.exercises),
        counts = [["read", kept ? kept.seen.length : 0, kept ? kept.of : 1]];
      function done(prefix, names) { return names.filter(function (name) { return stored(prefix + name) != null; }).length; }
      cards[page] = card;
      if (goals.length) counts.push(["found", done("nn:goal:", goals), goals.length]);
      if (exercises.length) counts.push(["solved", done("nn:solved:", exercises), exercises.length]);
      if (counts.some(function (count) { return count[1]; })) rings(card, counts);
      if (kept && (!latest || kept.when > latest.when)) latest = Object.assign(kept, {card: card});
    });
    var start = document.querySelector(".cover-start"), go;
    if (!latest || !start) return;
    go = document.createElement("a");
    go.className = "cover-continue";
    go.href = latest.card.querySelector("a").getAttribute("href") + (latest.at ? "#" + encodeURIComponent(latest.at) : "");
    go.textContent = "Continue: " + (latest.label || latest.card.querySelector("a").textContent.trim());
    start.after(" ", go);
  }
  show();
  addEventListener("storage", show);                     // read in another tab
  addEventListener("pageshow", function (event) { if (event.persisted) show(); });

  // Lines from what a chapter builds on to the chapter; they run between the cards and never behind one.
  var lines = draw("svg", {"class": "map-lines", "aria-hidden": "true"}, map), HALF = 14;     // half of the gap between cards
  function curve(x, y, u, v, bend) { return "C" + [x, y + bend, u, v - bend, u, v].join(" "); }
  function route(a, b, all) {
    var x = a.left + a.width / 2, u = b.left + b.width / 2, aside;
    if (Math.abs(a.top - b.top) < 2) {                   // in one row: straight to the next, else below those between
      return b.left - a.right < 3 * HALF && b.left > a.right ? "M" + a.right + " " + (a.top + 24) + "H" + b.left
        : "M" + x + " " + a.bottom + "C" + [x, a.bottom + 1.5 * HALF, u, b.bottom + 1.5 * HALF, u, b.bottom].join(" ");
    }
    if (!all.some(function (c) { return c.top >= a.bottom && c.bottom <= b.top; })) {
      return "M" + x + " " + a.bottom + curve(x, a.bottom, u, b.top, Math.min(48, Math.max(16, (b.top - a.bottom) / 2)));
    }
    aside = u > x - 1 && b.left > 1 ? b.left - HALF : b.right + HALF;
    return "M" + x + " " + a.bottom + curve(x, a.bottom, aside, a.bottom + 2 * HALF, HALF) +
      "V" + (b.top - 2 * HALF) + curve(aside, b.top - 2 * HALF, u, b.top, HALF);
  }
  function join() {
    var frame = map.getBoundingClientRect(), at = {}, all;
    lines.replaceChildren();
    lines.setAttribute("viewBox", "0 0 " + frame.width + " " + frame.height);
    Object.keys(cards).forEach(function (page) {
      var box = cards[page].getBoundingClientRect();
      at[page] = new DOMRect(box.left - frame.left, box.top - frame.top, box.width, box.height);
    });
    all = Object.values(at);
    Object.keys(cards).forEach(function (page) {
      words(cards[page].dataset.joins).forEach(function (from) {
        if (at[from]) draw("path", {d: route(at[from], at[page], all), "data-to": page}, lines);
      });
    });
  }
  function light(event) {
    var card = event.target.closest && event.target.closest(".map-card");
    [].forEach.call(lines.children, function (line) {
      line.classList.toggle("lit", !!card && line.dataset.to == card.dataset.page && /over|in$/.test(event.type));
    });
  }
  ["pointerover", "pointerout", "focusin", "focusout"].forEach(function (type) { map.addEventListener(type, light); });
  new ResizeObserver(join).observe(map);
})();
