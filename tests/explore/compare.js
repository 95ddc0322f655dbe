// (root, reference) => {differences, worst}: the figure shown now against matplotlib's own SVG of the same state.
// Every drawn element becomes its geometry, as numbers, and everything else that decides how it looks, as text.
async (root, reference) => {
  const NUMERIC = new Set(["d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points", "viewBox"]);
  const IGNORED = new Set(["id", "class", "role", "aria-label", "aria-hidden", "xmlns", "version", "preserveAspectRatio"]);
  const ref = new DOMParser().parseFromString(reference, "image/svg+xml").documentElement;
  const live = root.querySelector("svg");

  function byId(svg, id) {
    return [...(svg == ref ? svg : root).querySelectorAll("[id]")].find(e => e.id == id);
  }
  function own(svg, e, numbers, depth) {          // one element's attributes; references are followed
    let text = e.localName;
    for (const a of [...e.attributes].sort((a, b) => a.localName < b.localName ? -1 : 1)) {
      const name = a.localName, value = a.value.trim();
      if (IGNORED.has(name) || name == "href" && e.localName == "image" || a.prefix == "xmlns") continue;
      if (name == "viewBox" && e == svg || (name == "width" || name == "height") && e == svg) continue;
      const target = name == "href" ? value.match(/^#(.*)/) : value.match(/url\(#(.*?)\)/);
      if (target) {
        const found = byId(svg, target[1]);
        text += ` ${name}=` + (found ? (depth < 4 ? tree(svg, found, numbers, depth + 1) : "deep") : "MISSING");
        if (name == "style") text += value.replace(/url\(#.*?\)/, "url");
      } else if (NUMERIC.has(name)) {
        text += ` ${name}=` + value.replace(/-?[\d.]+(e[-+]?\d+)?/g, n => (numbers.push([+n, 0.1]), "#")).replace(/\s+/g, "");
      } else if (name == "transform") {
        for (const [, kind, list] of value.matchAll(/(\w+)\(([^)]*)\)/g)) {
          const values = list.split(/[\s,]+/).map(Number);
          if (kind == "rotate" && values[0] == 0) continue;
          text += ` ${kind}`;
          values.forEach((v, i) => numbers.push([v, kind == "translate" || kind == "matrix" && i > 3 || kind == "rotate" && i ? 0.1 : 1e-3]));
        }
      } else text += ` ${name}=${value.replace(/\s+/g, " ")}`;
    }
    return text;
  }
  function tree(svg, e, numbers, depth) {
    return own(svg, e, numbers, depth) + [...e.children].map(c => "<" + tree(svg, c, numbers, depth) + ">").join("");
  }
  async function pixels(e) {                       // of an image, or of the tile that a nested svg shows
    const href = e.getAttribute("href") || e.getAttributeNS("http://www.w3.org/1999/xlink", "href");
    const image = new Image();
    image.src = href.replace(/\s/g, "");
    await image.decode();
    const view = e.parentNode.parentNode.localName == "g" && e.parentNode.localName == "svg" && e.parentNode.viewBox.baseVal;
    const [x, y, w, h] = view ? [view.x, view.y, view.width, view.height] : [0, 0, image.width, image.height];
    const canvas = new OffscreenCanvas(w, h).getContext("2d", {willReadFrequently: true});
    canvas.drawImage(image, x, y, w, h, 0, 0, w, h);
    return {w, h, data: canvas.getImageData(0, 0, w, h).data};
  }
  function list(svg) {
    const found = [];
    const image = (holder, carrier, above, numbers) => {          // where an image goes, and how it is turned
      for (const name of ["x", "y", "width", "height"]) numbers.push([+holder.getAttribute(name), 0.1]);
      const turned = document.createElement("i");
      turned.setAttribute("transform", carrier.getAttribute("transform") || "");
      const kind = own(svg, turned, numbers, 0);
      return `${above} ${kind} opacity=${holder.getAttribute("opacity")}`;
    };
    const walk = (e, above, numbers) => {
      if (["defs", "metadata", "style", "clipPath", "title"].includes(e.localName)) return;
      numbers = numbers.slice();
      const view = e.localName == "g" && e.children.length == 1 && e.children[0].localName == "svg" && e.children[0];
      if (view || e.localName == "image") {
        const text = image(view || e, e, above, numbers);
        found.push({kind: "image", e: view ? view.children[0] : e, text, numbers});
        return;
      }
      const attributes = own(svg, e, numbers, 0).replace(/^(g|svg)( |$)/, "$2").trim();
      const text = [above, attributes].filter(Boolean).join(" / ");
      if (["g", "svg", "a"].includes(e.localName)) [...e.children].forEach(c => walk(c, text, numbers));
      else {
        const spans = [...e.children].map(c => tree(svg, c, numbers, 0)).join("|");
        const letters = e.localName != "text" ? "" :       // white space between placed letters shows nothing
          (e.children.length ? [...e.children] : [e]).map(c => c.textContent.replace(/\s+/g, " ").trim()).join("|");
        found.push({kind: e.localName, e, text: `${text} ${spans} ${letters}`.trim(), numbers});
      }
    };
    walk(svg, "", []);
    return found;
  }

  const layer = root.querySelector("svg + svg");           // images shown apart: compared in their own order
  const apart = found => [...found.filter(f => f.kind != "image"), ...found.filter(f => f.kind == "image")];
  const A = layer ? apart(list(live).concat(list(layer))) : list(live);
  const B = layer ? apart(list(ref)) : list(ref);
  const differences = [];
  let worst = 0;
  const size = s => { const v = s.getAttribute("viewBox").trim().split(/\s+/).map(Number); return v; };
  size(live).forEach((v, i) => { if (Math.abs(v - size(ref)[i]) > 0.1) differences.push("viewBox"); });
  if (A.length != B.length) differences.push(`${A.length} elements instead of ${B.length}`);
  for (let i = 0; i < Math.min(A.length, B.length); i++) {
    const a = A[i], b = B[i], where = `element ${i} (${b.kind})`;
    const style = s => s.replace(/[\s/]+/g, " ").trim();
    if (a.kind != b.kind) { differences.push(`${where}: is a ${a.kind}`); continue; }
    if (a.text.includes("MISSING")) differences.push(`${where}: refers to nothing`);
    if (style(a.text) != style(b.text)) { differences.push(`${where}: ${style(a.text)} instead of ${style(b.text)}`); continue; }
    if (a.numbers.length != b.numbers.length) { differences.push(`${where}: ${a.numbers.length} numbers, not ${b.numbers.length}`); continue; }
    a.numbers.forEach(([v], k) => {
      const [wanted, tolerance] = b.numbers[k], error = Math.abs(v - wanted);
      if (tolerance == 0.1) worst = Math.max(worst, error);
      if (!(error <= tolerance)) differences.push(`${where}: number ${k} is ${v} instead of ${wanted}`);
    });
    if (a.kind == "image") {
      const [p, q] = [await pixels(a.e), await pixels(b.e)];
      if (p.w != q.w || p.h != q.h) differences.push(`${where}: image of ${p.w} × ${p.h}, not ${q.w} × ${q.h}`);
      else if (p.data.some((v, k) => v != q.data[k])) differences.push(`${where}: pixels differ`);
    }
  }
  return {elements: B.length, worst, differences};
}
