// What a chapter's page does by itself: formulas that fit, Story or Code, where the reader is, paper in black on white.
(function () {
  "use strict";
  var root = document.documentElement, all = function (what, from) { return [].slice.call((from || document).querySelectorAll(what)); };

  function keep(key, value) {                            // a browser may refuse to store anything
    try {
      if (value === undefined) return localStorage.getItem(key);
      localStorage.setItem(key, value);
    } catch (refused) { return null; }
  }

  // Formulas. One that is wider than its line is set smaller, as far as it stays readable; beyond that it scrolls.
  function fit() {
    all("div.math mjx-container[display]").forEach(function (formula) {
      var natural;
      if (formula.dataset.size === undefined) formula.dataset.size = formula.style.fontSize;  // as MathJax set it
      formula.style.fontSize = formula.dataset.size;
      formula.removeAttribute("tabindex");
      natural = formula.scrollWidth / formula.clientWidth;
      if (natural <= 1) return;
      formula.style.fontSize = Math.max(0.62, 0.98 / natural) * parseFloat(getComputedStyle(formula).fontSize) + "px";
      if (formula.scrollWidth > formula.clientWidth + 1) formula.tabIndex = 0;
    });
  }

  // Story folds all drawing code away, Code opens it.
  function code(mode) {
    root.dataset.code = mode;
    all("[data-set-code]").forEach(function (button) {
      button.setAttribute("aria-pressed", button.dataset.setCode == mode);
    });
    all("details.fold").forEach(function (fold) { fold.open = mode == "code"; });
  }
  all("[data-set-code]").forEach(function (button) {
    button.addEventListener("click", function () {
      var seen = document.elementFromPoint(innerWidth / 2, innerHeight / 2), top = seen && seen.getBoundingClientRect().top;
      keep("nn:code", button.dataset.setCode);
      code(button.dataset.setCode);
      if (seen) scrollBy({top: seen.getBoundingClientRect().top - top, behavior: "instant"});  // the same line stays in view
    });
  });
  code(keep("nn:code") == "code" ? "code" : "story");

  // The button that opens a solution is called by the solution's own title, not "Toggle hidden content" like every other.
  addEventListener("DOMContentLoaded", function () {
    all(".admonition-title > .toggle-button").forEach(function (button) {
      button.setAttribute("aria-label", button.parentNode.textContent.replace(/\s+/g, " ").trim());
    });
  });

  // A figure that is taller than the window keeps its foot in view instead of its head.
  if (window.ResizeObserver) {
    var measure = new ResizeObserver(function (entries) {
      entries.forEach(function (entry) { entry.target.style.setProperty("--height", entry.target.offsetHeight + "px"); });
    });
    all(".beside > .cell").forEach(function (figure) { measure.observe(figure); });
  }

  // Where the reader is, and which sections were read to their end: kept for the cover, shown in the contents.
  function follow(page) {
    var sections = all("article section[id]").filter(function (section) { return section.querySelector(":scope > h2"); }),
      places = all("article section[id]").filter(function (section) { return section.querySelector(":scope > h2, :scope > h3"); }),
      key = "nn:read:" + page, kept = {seen: [], of: sections.length, at: "", label: "", when: 0}, timer = 0, marked;
    if (!sections.length) return;

    function recall() {                                  // what was read before, also in another tab
      try {
        JSON.parse(keep(key)).seen.forEach(function (id) {
          if (kept.seen.indexOf(id) < 0 && sections.some(function (section) { return section.id == id; })) kept.seen.push(id);
        });
      } catch (nothing) { /* nothing is kept, or not by this book */ }
    }
    function here() {
      var now = null, section, title;
      places.forEach(function (place) { if (place.getBoundingClientRect().top < innerHeight * 0.4) now = place; });
      section = now && now.closest("section:has(> h2)");
      title = section && section.querySelector("h2").cloneNode(true);
      if (title) all(".headerlink", title).forEach(function (link) { link.remove(); });
      kept.at = now ? now.id : "";
      kept.label = title ? title.textContent.replace(/^(\d+\.\d+)\. */, "$1 ").trim() : document.querySelector("h1").firstChild.textContent;
      if (marked != kept.at) {
        marked = kept.at;
        all(".section-nav a").forEach(function (link) {
          var active = now && (link.hash == "#" + now.id || section && link.hash == "#" + section.id);
          link.classList.toggle("active", active);
          if (link.hash == "#" + kept.at) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
        });
      }
      kept.when = Date.now();
      recall();
      keep(key, JSON.stringify(kept));
    }
    var read = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        var section = entry.target.closest("section:has(> h2)");
        if (!entry.isIntersecting || kept.seen.indexOf(section.id) >= 0) return;
        kept.seen.push(section.id);
        here();
      });
    });
    sections.forEach(function (section) {
      var last = section;
      while (last.lastElementChild && last.lastElementChild.matches("section, .beside, .beside > div, p, ul, .cell, .cell_output"))
        last = last.lastElementChild;
      read.observe(last);
    });
    addEventListener("scroll", function () {
      if (!timer) timer = setTimeout(function () { timer = 0; here(); }, 200);
    }, {passive: true});
    here();
  }
  var page = typeof DOCUMENTATION_OPTIONS == "object" ? DOCUMENTATION_OPTIONS.pagename : "";
  if (/^chapters\//.test(page)) follow(page);

  // Paper is white.
  var theme;
  addEventListener("beforeprint", function () { theme = root.dataset.theme; root.dataset.theme = "light"; });
  addEventListener("afterprint", function () { root.dataset.theme = theme; });

  addEventListener("DOMContentLoaded", function () {
    var ready = window.MathJax && MathJax.startup && MathJax.startup.promise;
    if (!ready) return;
    ready.then(fit);
    addEventListener("resize", fit);
  });
})();
