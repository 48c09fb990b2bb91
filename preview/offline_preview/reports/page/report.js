"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ORDER = ["critical", "high", "medium", "low", "unspecified"];
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const words = (text) => (text || "").split(" ").filter(Boolean);
  const draw = (tag, attributes, parent, before = null) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return parent.insertBefore(element, before);
  };

  // Filter and search

  const form = document.querySelector(".filter");
  const output = form.querySelector("output");
  const entries = all(".entry");
  const rows = all(".tree li");
  const own = new Map(rows.map((row) => [row, (row.querySelector(":scope > details > summary") || row).textContent.toLowerCase()]));
  const texts = new Map(entries.map((entry) => [entry, entry.textContent.toLowerCase()]));
  let place = null;

  const filter = () => {
    const sought = form.elements.text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = (name) => new Set(all(`[name=${name}]:checked`, form).map((box) => box.value));
    const severities = chosen("severity"), levels = chosen("level"), onlyNew = form.elements.new?.checked;
    const says = (text) => sought.every((word) => text.includes(word));
    let findings = 0, shown = 0;
    for (const entry of entries) {
      const data = entry.dataset;
      const counts = Boolean(data.severity);
      const wanted = !counts || (severities.has(data.severity) && levels.has(data.level) && (!onlyNew || data.new));
      const here = !place || (place.stack === entry.closest(".stack") && words(data.at || data.lit).some((name) => place.names.includes(name)));
      entry.hidden = !(wanted && here && says(texts.get(entry)));
      findings += counts;
      shown += counts && !entry.hidden;
    }
    for (const group of all(".group, .more:not(.tree)")) group.hidden = !group.querySelector(".entry:not([hidden])");
    for (const row of rows) row.hidden = sought.length > 0;
    if (sought.length) {
      for (const row of rows.filter((one) => says(own.get(one)))) {
        for (let up = row; up; up = up.parentElement.closest(".tree li")) {
          up.hidden = false;
          const details = up.querySelector(":scope > details");
          if (details && up !== row) details.open = true;
        }
        for (const below of all("li", row)) below.hidden = false;
      }
      for (const details of all(".more")) if (details.querySelector(".entry:not([hidden]), li[id]:not([hidden])")) details.open = true;
    }
    output.textContent = `${shown} of ${findings} groups of findings` + (place ? ` at ${place.title}` : "");
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // Paths in pictures

  const lit = new WeakMap();

  class Picture {
    constructor(svg) {
      this.svg = svg;
      this.stack = svg.closest(".stack");
      this.canvas = svg.closest(".canvas");
      this.body = svg.querySelector("g[transform]");
      this.things = all(".thing", svg);
      this.places = new Map();
      for (const element of all("[data-urns]", svg)) {
        for (const name of words(element.dataset.urns)) this.places.set(name, [...(this.places.get(name) || []), element]);
      }
      this.width = Number(svg.getAttribute("width"));
      this.height = Number(svg.getAttribute("height"));
      this.found = [];
    }

    clear() {
      this.found = [];
      this.svg.classList.remove("dim", "named");
      for (const element of all(".lit", this.svg)) element.classList.remove("lit");
      for (const element of all(".glow", this.svg)) element.remove();
    }

    at(names) {
      return names.flatMap((name) => this.places.get(name) || []);
    }

    light(names, paths) {
      this.clear();
      if (!this.canvas.checkVisibility()) return;
      const found = this.at(names);
      if (!found.length) return;
      this.svg.classList.add("dim");
      const under = draw("g", { class: "glow" }, this.body, this.body.querySelector(".thing"));
      for (const element of found) {
        element.classList.add("lit");
        if (!element.classList.contains("thing")) continue;
        const area = element.getBBox();
        draw("rect", { class: "halo", x: area.x - 6, y: area.y - 4, width: area.width + 12, height: area.height + 8, rx: 8 }, under);
      }
      for (const path of paths) this.follow(path);
      this.found = found;
    }

    follow(path) {
      // A box on the path is lit, the line goes from thing to thing.
      const stops = path.map((names) => this.at(names).filter((element) => element.classList.contains("thing")).slice(0, 2));
      let before = null;
      for (const stop of stops.flatMap((things) => [...new Set(things)])) {
        if (before && before !== stop) this.join(before, stop);
        before = stop;
      }
    }

    join(tail, head) {
      const ends = `[data-tail="${tail.dataset.key}"][data-head="${head.dataset.key}"]`;
      const arrows = all(ends, this.svg);
      for (const element of arrows) element.classList.add("lit");
      if (!arrows.length) this.leg(tail.getBBox(), head.getBBox());
    }

    leg(from, to) {
      const start = [from.x + from.width / 2, from.y + from.height / 2], end = [to.x + to.width / 2, to.y + to.height / 2];
      const length = Math.hypot(end[0] - start[0], end[1] - start[1]) || 1;
      const way = [(end[0] - start[0]) / length, (end[1] - start[1]) / length];
      const cut = (box) => Math.min(box.width / 2 / Math.abs(way[0] || 1e-9), box.height / 2 / Math.abs(way[1] || 1e-9)) + 8;
      const a = [start[0] + way[0] * cut(from), start[1] + way[1] * cut(from)], b = [end[0] - way[0] * cut(to), end[1] - way[1] * cut(to)];
      const over = draw("g", { class: "glow" }, this.body);
      draw("path", { class: "leg", d: `M${a}L${b}` }, over);
      const side = [-way[1] * 6, way[0] * 6], base = [b[0] - way[0] * 12, b[1] - way[1] * 12];
      draw("polygon", { class: "leg-tip", points: `${b} ${base[0] + side[0]},${base[1] + side[1]} ${base[0] - side[0]},${base[1] - side[1]}` }, over);
    }

    zoom(factor) {
      this.resize(factor);
      this.label();
    }

    resize(factor) {
      this.svg.classList.toggle("zoomed", factor !== "fit");
      const width = factor === "fit" ? "" : `${Math.max(100, Math.min(3 * this.width, this.svg.getBoundingClientRect().width * factor))}px`;
      this.svg.style.width = width;
    }

    label() {
      // A whole path is often seen so small that its names cannot be read: they are written again, as large as the page's text.
      for (const element of all(".names", this.svg)) element.remove();
      const now = this.svg.getBoundingClientRect(), room = this.canvas.getBoundingClientRect();
      const scale = now.width / this.width, size = 12 / scale;
      this.svg.classList.toggle("named", this.found.length > 0 && size > 13);
      if (!this.svg.classList.contains("named")) return;
      const over = draw("g", { class: "glow names", "font-size": size, "aria-hidden": "true" }, this.body);
      const is = (element, name) => element.classList.contains(name);
      const things = this.found.filter((element) => is(element, "thing")), boxes = this.found.filter((element) => is(element, "box"));
      const taken = things.map((element) => element.getBBox());
      // What can be seen of the picture without scrolling, in its own units.
      const edges = this.body.getCTM();
      const seen = {
        left: Math.max(0, (room.left - now.left) / scale) - edges.e / edges.a,
        right: Math.min(this.width, (room.right - now.left) / scale) - edges.e / edges.a,
        top: Math.max(0, (room.top - now.top) / scale) - edges.f / edges.d,
        bottom: Math.min(this.height, (room.bottom - now.top) / scale) - edges.f / edges.d,
      };
      const isSeen = (a) => a.x > seen.left && a.y > seen.top && a.x + a.width < seen.right && a.y + a.height < seen.bottom;
      const isFree = (a) =>
        !taken.some((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height);
      const write = (name, places) => {
        const text = draw("text", {}, over);
        text.textContent = name;
        const { width, height } = text.getBBox();
        const areas = places(width, height).map(([x, y]) => ({ x, y, width, height })).filter(isFree);
        const area = areas.find(isSeen) || areas[0];
        if (!area) return text.remove();
        taken.push(area);
        text.setAttribute("x", area.x);
        text.setAttribute("y", area.y + height * 0.8);
      };
      for (const thing of things) {
        const { x, y, width: w, height: h } = thing.getBBox();
        const name = all(":scope > text:not(.noun)", thing).map((line) => line.textContent).join("");
        write(name, (width, height) => {
          const columns = [x + (w - width) / 2, x - 6, x + w + 6 - width];
          return [y + h + 8, y - height - 8].flatMap((row) => columns.map((column) => [column, row]));
        });
      }
      for (const label of all(".port.lit", this.svg)) {
        const { x, y, width: w, height: h } = label.getBBox();
        write(label.textContent, (width, height) => [0, -height, height].map((down) => [x + (w - width) / 2, y + (h - height) / 2 + down]));
      }
      for (const box of boxes) {
        const { x, y, width: w, height: h } = box.querySelector("rect").getBBox();
        const name = box.querySelector("text").textContent;
        write(name, (width, height) => [y - height - 4, y + h + 4, y + 4].flatMap((row) => [[x, row], [x + w - width, row]]));
      }
    }

    zoomToFound() {
      const elements = [...this.found, ...all(".arrow.lit, .leg", this.svg)];
      const areas = elements.map((element) => element.getBoundingClientRect()).filter((area) => area.width || area.height);
      if (!areas.length) return;
      const left = Math.min(...areas.map((area) => area.left)), right = Math.max(...areas.map((area) => area.right));
      const top = Math.min(...areas.map((area) => area.top)), bottom = Math.max(...areas.map((area) => area.bottom));
      const now = this.svg.getBoundingClientRect();
      const scale = now.width / this.width;
      // On a phone the picture is still below the screen, and will be scrolled to.
      const room = this.canvas.getBoundingClientRect();
      const visible = Math.min(room.bottom, window.innerHeight) - Math.max(room.top, 0);
      const height = visible > 240 ? visible : Math.min(room.height, window.innerHeight * 0.7);
      const target = Math.min(1.1, (room.width / (right - left + 48)) * scale, (height / (bottom - top + 48)) * scale);
      const factor = Math.max(target, 0.15) / scale;
      const middle = [((left + right) / 2 - now.left) * factor, ((top + bottom) / 2 - now.top) * factor];
      this.resize(factor);
      this.canvas.scrollTo({ left: middle[0] - this.canvas.clientWidth / 2, top: middle[1] - height / 2 });
      this.label();
    }
  }

  const pictures = all("svg.picture").map((svg) => new Picture(svg));
  const of = (stack) => pictures.filter((picture) => picture.stack === stack);

  const say = (status, entry, isDashed) => {
    const hops = entry.querySelector(".hops");
    if (!hops) {
      status.textContent = `Shown: ${entry.querySelector("h4").textContent}`;
      return;
    }
    status.replaceChildren("Path: ");
    for (const [index, hop] of [...hops.children].entries()) {
      const name = document.createElement(hop.classList.contains("shown") ? "b" : "span");
      name.textContent = hop.textContent;
      status.append(index ? " \u2192 " : "", name);
    }
    if (hops.querySelector("li:not(.shown)")) status.append(". Bold: shown in the picture.");
    if (isDashed) status.append(" Dashed: a part of the path for which the picture has no arrow.");
  };

  const light = (stack, entry) => {
    const before = lit.get(stack);
    before?.classList.remove("on");
    before?.querySelector(".show")?.setAttribute("aria-pressed", "false");
    const view = stack.querySelector(".view");
    lit.set(stack, entry);
    for (const button of all(".clear, .back", view)) button.hidden = !entry;
    if (!entry) {
      for (const picture of of(stack)) picture.clear();
      view.querySelector(".status").textContent = "";
      return;
    }
    entry.classList.add("on");
    entry.querySelector(".show").setAttribute("aria-pressed", "true");
    const paths = (entry.dataset.path || "").split("|").filter(Boolean).map((path) => words(path).map((names) => names.split("+")));
    for (const picture of of(stack)) picture.light(words(entry.dataset.lit), paths);
    // Its lines take from the picture's height.
    say(view.querySelector(".status"), entry, all(".leg", view).length > 0);
    for (const picture of of(stack)) picture.zoomToFound();
    const area = view.querySelector(".canvas").getBoundingClientRect();
    if (Math.min(area.bottom, window.innerHeight) - Math.max(area.top, 0) < 240) view.scrollIntoView({ block: "start" });
  };

  for (const button of all(".show")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const entry = button.closest(".entry"), stack = button.closest(".stack");
      light(stack, lit.get(stack) === entry ? null : entry);
    });
  }
  for (const view of all(".view")) {
    const stack = view.closest(".stack");
    view.querySelector(".tools").hidden = false;
    view.querySelector(".clear").addEventListener("click", () => light(stack, null));
    view.querySelector(".back").addEventListener("click", () => {
      const entry = lit.get(stack);
      entry.scrollIntoView({ block: "center" });
      entry.querySelector(".show").focus();
    });
    for (const button of all("[data-zoom]", view)) {
      const factor = button.dataset.zoom === "fit" ? "fit" : Number(button.dataset.zoom);
      button.addEventListener("click", () => of(stack)[0].zoom(factor));
    }
  }
  for (const part of all(".part")) {
    part.addEventListener("toggle", () => {
      const stack = part.closest(".stack");
      if (part.open && lit.get(stack)) light(stack, lit.get(stack));
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const stack of all(".stack")) if (lit.get(stack)) light(stack, null);
    if (place) select(null);
  });

  // Things in pictures: their findings, and what is folded in them

  const select = (next) => {
    place = next;
    filter();
  };

  const spots = (picture) => {
    const found = all(".findings .entry[data-at]", picture.stack);
    for (const thing of picture.things) {
      const names = words(thing.dataset.urns);
      const here = found.filter((entry) => words(entry.dataset.at).some((name) => names.includes(name)));
      const key = thing.dataset.unfolds;
      if (!here.length && !key) continue;
      const label = thing.querySelector("title"), title = label.textContent;
      thing.setAttribute("role", "button");
      thing.setAttribute("tabindex", "0");
      const counted = here.length ? `, ${here.length} ${here.length === 1 ? "group" : "groups"} of findings` : "";
      label.textContent = `${title}${counted}${key ? ", unfold" : ""}`;
      if (here.length) spot(thing, here);
      const act = () => (key ? unfold(picture.stack, key) : select(place?.thing === thing ? null : { stack: picture.stack, names, title, thing }));
      thing.addEventListener("click", act);
      thing.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        act();
      });
    }
  };

  const spot = (thing, here) => {
    const worst = ORDER.find((name) => here.some((entry) => entry.dataset.severity === name));
    const icon = thing.querySelector("use");
    const x = Number(icon.getAttribute("x")) - 4, y = Number(icon.getAttribute("y")) + 6;
    const group = draw("g", { class: `spot ${worst}`, "aria-hidden": "true" }, thing);
    draw("circle", { cx: x, cy: y, r: 10 }, group);
    draw("text", { x, y: y + 4, "text-anchor": "middle" }, group).textContent = here.length;
  };

  const unfold = (stack, key) => {
    const part = stack.querySelector(`[data-part="${key}"]`);
    part.open = true;
    part.scrollIntoView({ block: "nearest" });
    part.querySelector("summary").focus();
  };

  for (const picture of pictures) {
    // An image has no parts that can be operated.
    picture.svg.setAttribute("role", "group");
    picture.svg.setAttribute("aria-label", picture.svg.querySelector("title").textContent);
    spots(picture);
  }

  // A link to something folded unfolds it; what is printed is all there.

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let up = target; up; up = up.parentElement?.closest("details")) if (up.localName === "details") up.open = true;
    target.scrollIntoView({ block: "center" });
  };
  window.addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
  filter();
})();
