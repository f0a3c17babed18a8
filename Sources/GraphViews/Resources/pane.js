// One stage of the graph on a canvas: drawing, moving, folding.

const palette = {
  colors: {},
  read() {
    const style = getComputedStyle(document.documentElement);
    const names = ["page", "surface", "line", "soft", "text", "muted", "faint", "accent", "accent-soft", "mark", "mark-soft", "group0", "group1", "edge",
      "heat0", "heat1", "heat2", "heat3", "add", "remove", ...Object.keys(families)];
    for (const name of names) this.colors[name] = style.getPropertyValue("--" + name).trim();
  },
  /** A colour between cold and hot for 0...1. */
  heat(share) {
    const stops = [0, 1, 2, 3].map((index) => parseColor(this.colors["heat" + index]));
    const at = Math.min(2.9999, Math.max(0, share) * 3);
    const [low, rest] = [Math.floor(at), at % 1];
    const mixed = [0, 1, 2].map((c) => Math.round(stops[low][c] * (1 - rest) + stops[low + 1][c] * rest));
    return { fill: `rgb(${mixed.join(",")})`, isDark: 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2] < 140 };
  },
};

function parseColor(text) {
  const value = parseInt(text.slice(1), 16);
  return [value >> 16, value >> 8 & 255, value & 255];
}

const shortened = (() => {
  const known = new Map();
  return (text, font, width) => {
    if (measureText(text, font) <= width) return text;
    const key = font + Math.round(width) + "\n" + text;
    if (known.has(key)) return known.get(key);
    let [low, high] = [0, text.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (measureText(text.slice(0, middle) + "…", font) <= width) low = middle; else high = middle - 1;
    }
    const result = text.slice(0, low) + "…";
    known.set(key, result);
    return result;
  };
})();

const colorModes = {
  family: { label: "kind of op" },
  seconds: { label: "time", of: (totals) => totals.seconds, format: format.seconds },
  flop: { label: "work", of: (totals) => totals.flop, format: format.flop },
  bytes: { label: "bytes moved", of: (totals) => totals.bytes, format: format.bytes },
};

class GraphPane {
  constructor(app, model, isOneOfTwo) {
    this.app = app;
    this.model = model;
    this.canvas = h("canvas", { tabindex: "0", role: "application", "aria-label": `Graph ${model.doc.name}, ${model.doc.stage}` });
    this.map = h("canvas", { class: "map", "aria-hidden": "true" });
    this.legend = h("div", { class: "legend" });
    const count = format.count(model.doc.nodes.length) + " ops";
    this.element = h("div", { class: "pane" }, this.canvas, this.legend, this.map,
      h("div", { class: "stage" }, h("b", {}, model.doc.stage), " · " + count));
    this.context = this.canvas.getContext("2d");
    this.view = { x: 0, y: 0, k: 1 };
    this.selected = null;   // an item or a scope
    this.related = new Set();
    this.hover = null;
    this.layout = layoutGraph(model);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  get isShown() { return this.width > 0 && this.height > 0; }

  resize() {
    const before = this.isShown;
    const ratio = window.devicePixelRatio || 1;
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    if (!this.isShown) return;
    for (const canvas of [this.canvas, this.map]) {
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(canvas.clientHeight * ratio);
    }
    if (this.pending) { const target = this.pending; this.pending = null; this.centerOn(target); }
    else if (!before || this.isFitted) this.fit();
    // At once, so that no frame shows the canvas that the new size has cleared.
    this.paint();
  }

  // The view.

  fit() {
    if (!this.isShown) return;
    // The legend at the foot stays clear of the picture.
    const height = this.height - (this.legend.hidden ? 10 : 46);
    const k = Math.min(this.width / this.layout.width, height / this.layout.height, 1.25);
    this.view = { k, x: (this.width - this.layout.width * k) / 2, y: Math.max(5, (height - this.layout.height * k) / 2) };
    this.isFitted = true;
    this.draw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const k = Math.min(4, Math.max(0.02, this.view.k * factor));
    this.view.x = x - (x - this.view.x) * k / this.view.k;
    this.view.y = y - (y - this.view.y) * k / this.view.k;
    this.view.k = k;
    this.isFitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.isFitted = false;
    this.view.x += dx;
    this.view.y += dy;
    this.draw();
  }

  boxFor(target) {
    if (!target) return null;
    if (target instanceof Scope) {
      for (const box of this.layout.boxes) if (box.scope === target) return box;
      return null;
    }
    return this.layout.boxOf[target.id];
  }

  centerOn(target, onlyIfOutside = false) {
    if (!this.isShown) { this.pending = target; return; }
    const box = this.boxFor(target);
    if (!box) return;
    if (onlyIfOutside) {
      const [x, y] = [box.x * this.view.k + this.view.x, box.y * this.view.k + this.view.y];
      const [w, height] = [box.w * this.view.k, box.h * this.view.k];
      if (x > 0 && y > 0 && x + w < this.width && y + height < this.height) { this.draw(); return; }
    }
    const k = Math.min(1.2, Math.max(this.view.k, 0.85), this.width / box.w, this.height / box.h);
    const goal = { k, x: this.width / 2 - (box.x + box.w / 2) * k, y: this.height / 2 - (box.y + box.h / 2) * k };
    this.animateTo(goal);
  }

  animateTo(goal) {
    this.isFitted = false;
    const start = { ...this.view };
    const begin = performance.now();
    const duration = matchMedia("(prefers-reduced-motion: reduce)").matches || document.hidden ? 0 : 240;
    const move = (now) => {
      const t = duration ? Math.min(1, (now - begin) / duration) : 1;
      const e = 1 - (1 - t) ** 3;
      for (const key of ["x", "y", "k"]) this.view[key] = start[key] + (goal[key] - start[key]) * e;
      this.draw();
      if (t < 1) this.animation = requestAnimationFrame(move);
    };
    cancelAnimationFrame(this.animation);
    move(begin);
    if (!duration) return;
    this.animation = requestAnimationFrame(move);
  }

  // Folding.

  relayout(anchor) {
    const before = anchor ? this.boxFor(anchor) : null;
    this.layout = layoutGraph(this.model);
    this.hover = null;
    const after = anchor ? this.boxFor(anchor) : null;
    if (before && after) {
      this.view.x += (before.x - after.x) * this.view.k;
      this.view.y += (before.y - after.y) * this.view.k;
    }
    this.updateLegend();
    this.draw();
  }

  toggle(scope) {
    if (scope === this.model.root) return;
    scope.open = !scope.open;
    if (scope.open && scope.children.size === 1 && !scope.nodes.length) scope.children.values().next().value.open = true;
    this.relayout(scope);
  }

  setAllOpen(open) {
    this.model.setAllOpen(open);
    this.relayout();
    this.fit();
  }

  foldToBlocks() {
    this.model.foldToBlocks();
    this.relayout();
    this.fit();
  }

  // Drawing.

  draw() {
    if (this.frame || !this.isShown) return;
    this.frame = requestAnimationFrame(() => { this.frame = null; this.paint(); });
  }

  updateLegend() {
    const mode = colorModes[this.app.color];
    // One key to the kinds is enough for both stages; a scale belongs to its own.
    this.legend.hidden = !mode.of && this.app.lastShown !== this;
    if (!mode.of) {
      const shown = Object.keys(families).filter((family) => this.model.root.totals.families[family]);
      this.legend.replaceChildren(...shown.map((family) => h("span", {}, h("i", { style: { background: `var(--${family})` } }), families[family])));
      return;
    }
    this.heatMaximum = Math.max(0, ...this.layout.boxes.map((box) => { const totals = totalsOf(box); return totals ? mode.of(totals) : 0; }));
    if (!this.heatMaximum) { this.legend.replaceChildren(h("span", {}, `no ${mode.label} known at this stage`)); return; }
    this.legend.replaceChildren(h("span", {}, "0"), h("span", { class: "ramp" }), h("span", {}, mode.format(this.heatMaximum) + " " + mode.label));
  }

  paint() {
    const context = this.context;
    const ratio = window.devicePixelRatio || 1;
    const { x, y, k } = this.view;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = palette.colors.page;
    context.fillRect(0, 0, this.width, this.height);
    context.setTransform(ratio * k, 0, 0, ratio * k, ratio * x, ratio * y);
    const area = { x0: -x / k, y0: -y / k, x1: (this.width - x) / k, y1: (this.height - y) / k };
    const isIn = (box) => box.x < area.x1 && box.y < area.y1 && box.x + box.w > area.x0 && box.y + box.h > area.y0;
    const visible = this.layout.boxes.filter(isIn);
    for (const box of visible) if (box.kind === "group") this.paintGroup(box);
    this.paintEdges(area);
    for (const box of visible) if (box.kind !== "group") this.paintBox(box);
    this.paintMap(area);
  }

  isMarked(box) {
    if (!this.related.size) return false;
    if (box.item) return this.related.has(box.item);
    for (const item of this.related) if (this.layout.boxOf[item.id] === box) return true;
    return false;
  }

  isSelected(box) {
    if (!this.selected) return false;
    return box.scope ? box.scope === this.selected || box.kind === "block" && this.layout.boxOf[this.selected.id] === box : box.item === this.selected;
  }

  paintGroup(box) {
    const context = this.context;
    const { k } = this.view;
    let depth = 0;
    for (let b = box.parent; b; b = b.parent) depth += 1;
    context.fillStyle = palette.colors[depth % 2 ? "group0" : "group1"];
    context.strokeStyle = this.isSelected(box) ? palette.colors.accent : palette.colors.line;
    context.lineWidth = this.isSelected(box) ? Math.max(2, 1.5 / k) : Math.max(1, 0.6 / k);
    context.beginPath();
    context.roundRect(box.x, box.y, box.w, box.h, 10);
    context.fill();
    context.stroke();
    // Titles keep a readable size when the picture is small, as far as the box has room.
    const size = Math.min(20, Math.max(13, 12 / k));
    if (size * k < 6) return;
    context.textBaseline = "middle";
    context.fillStyle = palette.colors.muted;
    const middle = box.y + metrics.header / 2 + 2;
    triangle(context, box.x + 15, middle, true, palette.colors.faint);
    context.fillStyle = palette.colors.text;
    const font = `600 ${size}px ${fonts.family}`;
    context.font = font;
    const title = shortened(box.label, font, box.w - 40);
    context.fillText(title, box.x + 26, middle);
    const detail = groupDetail(box.scope, this.app.color);
    const font2 = `${size * 0.85}px ${fonts.family}`;
    const room = box.w - 50 - measureText(title, font);
    if (measureText(detail, font2) < room) {
      context.font = font2;
      context.fillStyle = palette.colors.muted;
      context.textAlign = "right";
      context.fillText(detail, box.x + box.w - 12, middle);
      context.textAlign = "left";
    }
  }

  paintBox(box) {
    const context = this.context;
    const { k } = this.view;
    const colors = palette.colors;
    const [selected, marked, hovered] = [this.isSelected(box), this.isMarked(box), this.hover === box];
    const totals = totalsOf(box);
    const mode = colorModes[this.app.color];
    const isPill = box.kind === "input" || box.kind === "output";
    let fill = colors.surface;
    let [text, muted] = [colors.text, colors.muted];
    if (mode.of && totals && this.heatMaximum > 0) {
      const heat = palette.heat(Math.sqrt(mode.of(totals) / this.heatMaximum));
      fill = heat.fill;
      text = heat.isDark ? "#ffffff" : "#1a1206";
      muted = heat.isDark ? "rgba(255,255,255,.82)" : "rgba(20,14,4,.72)";
    } else if (isPill) fill = colors.soft;
    if (marked) { context.shadowColor = colors.mark; context.shadowBlur = 18; }
    context.fillStyle = fill;
    context.strokeStyle = selected ? colors.accent : marked ? colors.mark : hovered ? colors.muted : colors.line;
    context.lineWidth = selected || marked ? Math.max(2.5, 2 / k) : Math.max(1, 0.6 / k);
    const radius = isPill ? box.h / 2 : 7;
    if (box.kind === "block" && k > 0.25) {
      // A second sheet behind says that there is more inside.
      context.beginPath();
      context.roundRect(box.x + 4, box.y + 4, box.w, box.h, radius);
      context.fillStyle = colors.soft;
      context.fill();
      context.stroke();
      context.fillStyle = fill;
    }
    context.beginPath();
    context.roundRect(box.x, box.y, box.w, box.h, radius);
    context.fill();
    context.shadowBlur = 0;
    context.stroke();
    if (box.kind === "node" && !mode.of) {
      context.fillStyle = colors[box.item.node.family];
      context.beginPath();
      context.roundRect(box.x, box.y, 6, box.h, [radius, 0, 0, radius]);
      context.fill();
      if (12 * k < 5) { context.globalAlpha = 0.3; context.beginPath(); context.roundRect(box.x, box.y, box.w, box.h, radius); context.fill(); context.globalAlpha = 1; }
    }
    if (box.kind === "block") this.paintStrip(box, totals, k);
    if (12 * k < 5 && box.kind !== "block") return;
    if (12 * k < 2.5) return;
    context.textBaseline = "middle";
    if (isPill) {
      context.font = fonts.title;
      context.fillStyle = colors.text;
      context.textAlign = "center";
      context.fillText(shortened(box.label, fonts.title, box.w - 20), box.x + box.w / 2, box.y + box.h / 2);
      context.textAlign = "left";
      return;
    }
    const left = box.x + (box.kind === "block" ? 24 : 16);
    // Labels of folded blocks grow as the picture shrinks, so that an overview can be read.
    let size = box.kind === "block" ? Math.min(24, Math.max(13, 9.5 / k)) : 12;
    const isOverview = size > 16;
    const chip = box.item && box.item.node.origins.length > 1 ? 30 : 0;
    const room = box.x + box.w - 8 - left - chip;
    const font = (pixels) => `600 ${pixels}px ${fonts.family}`;
    // The scope around says the first part of a numbered block's name already; what comes out says more.
    const title = isOverview ? box.scope.name : box.label;
    const titleY = box.y + (isOverview ? box.h / 2 - 5 : box.kind === "block" ? 16 : 13);
    if (isOverview && !box.scope.isNumber) size = Math.max(13, Math.min(size, 0.97 * size * room / measureText(title, font(size))));
    if (box.kind === "block") triangle(context, box.x + 13, titleY, false, mode.of ? muted : colors.faint);
    context.font = font(size);
    context.fillStyle = text;
    context.fillText(shortened(title, font(size), room), left, titleY);
    if (isOverview && box.scope.isNumber && box.shape) {
      const detailFont = `${size * 0.82}px ${fonts.family}`;
      if (measureText(title, font(size)) + measureText(box.shape, detailFont) + 8 < room) {
        context.font = detailFont;
        context.fillStyle = muted;
        context.textAlign = "right";
        context.fillText(box.shape, box.x + box.w - 8, titleY);
        context.textAlign = "left";
      }
    }
    if (chip) {
      const label = "⊕" + box.item.node.origins.length;
      context.font = fonts.detail;
      context.fillStyle = mode.of ? muted : colors.accent;
      context.textAlign = "right";
      context.fillText(label, box.x + box.w - 8, box.y + 13);
      context.textAlign = "left";
    }
    if (isOverview) return;
    context.font = fonts.detail;
    context.fillStyle = muted;
    const detail = mode.of && totals && mode.of(totals) > 0 ? (box.kind === "block" ? opCount(totals) + " · " : "") + mode.format(mode.of(totals)) : box.detail;
    context.fillText(shortened(detail, fonts.detail, box.x + box.w - 8 - left), left, box.y + (box.kind === "block" ? 33 : 28));
  }

  /** What kinds of op a folded block is made of, as a strip at its foot. */
  paintStrip(box, totals, k) {
    const context = this.context;
    const [x, y, w] = [box.x + 10, box.y + box.h - 10, box.w - 20];
    let at = x;
    if (colorModes[this.app.color].of) return;
    for (const family of Object.keys(families)) {
      const count = totals.families[family];
      if (!count) continue;
      const width = w * count / totals.count;
      context.fillStyle = palette.colors[family];
      context.fillRect(at, y, Math.max(0.5, width - 1), k < 0.4 ? 6 : 4);
      at += width;
    }
  }

  paintEdges(area) {
    const context = this.context;
    const { k } = this.view;
    const colors = palette.colors;
    const focus = this.selected ? this.boxFor(this.selected) : null;
    const near = this.hover && this.hover.kind !== "group" ? this.hover : null;
    const front = [];
    context.lineJoin = "round";
    for (const edge of this.layout.edges) {
      const { bounds } = edge;
      if (bounds.x0 > area.x1 || bounds.y0 > area.y1 || bounds.x1 < area.x0 || bounds.y1 < area.y0) continue;
      const touches = (box) => box && (edge.from === box || edge.to === box || box.kind === "group" && false);
      if (touches(focus) || touches(near)) { front.push(edge); continue; }
      const isFar = !edge.isDirect;
      // The longer a line between blocks, the fainter: it is there to be found, not to cover what it passes.
      const length = Math.hypot(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) * k;
      context.globalAlpha = edge.broad ? 0.1 : isFar ? Math.min(0.6, Math.max(0.14, 130 / length)) : 0.85;
      context.strokeStyle = colors.edge;
      context.fillStyle = colors.edge;
      context.lineWidth = Math.max(edge.broad ? 0.8 : 1.2, 0.7 / k);
      this.paintEdge(edge, !edge.broad && k > 0.2);
    }
    for (const edge of front) {
      context.globalAlpha = 1;
      const box = focus && (edge.from === focus || edge.to === focus) ? focus : near;
      context.strokeStyle = context.fillStyle = edge.to === box ? colors.mark : colors.accent;
      context.lineWidth = Math.max(2, 1.4 / k);
      this.paintEdge(edge, true);
    }
    context.globalAlpha = 1;
  }

  paintEdge(edge, hasArrow) {
    const context = this.context;
    const points = edge.points;
    context.beginPath();
    context.moveTo(points[0].x, points[0].y);
    for (let i = 1; i < points.length; i++) {
      const [a, b] = [points[i - 1], points[i]];
      if (edge.vertical) {
        const bend = Math.max(10, Math.min(70, Math.abs(b.y - a.y) * 0.5)) * Math.sign(b.y - a.y || 1);
        context.bezierCurveTo(a.x, a.y + bend, b.x, b.y - bend, b.x, b.y);
      } else {
        const bend = Math.max(10, Math.min(160, Math.abs(b.x - a.x) * 0.5)) * Math.sign(b.x - a.x || 1);
        context.bezierCurveTo(a.x + bend, a.y, b.x - bend, b.y, b.x, b.y);
      }
    }
    context.stroke();
    if (!hasArrow) return;
    const end = points[points.length - 1];
    const before = points[points.length - 2];
    const [dx, dy] = edge.vertical ? [0, Math.sign(end.y - before.y || 1)] : [Math.sign(end.x - before.x || 1), 0];
    context.beginPath();
    context.moveTo(end.x, end.y);
    context.lineTo(end.x - 6 * dx - 3.5 * dy, end.y - 6 * dy - 3.5 * dx);
    context.lineTo(end.x - 6 * dx + 3.5 * dy, end.y - 6 * dy + 3.5 * dx);
    context.fill();
  }

  paintMap(area) {
    const canvas = this.map;
    const { width, height } = this.layout;
    const inside = area.x0 <= 0 && area.y0 <= 0 && area.x1 >= width && area.y1 >= height;
    canvas.hidden = inside || this.width < 420;
    if (canvas.hidden) return;
    const ratio = window.devicePixelRatio || 1;
    if (!canvas.width) { canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio; }
    const context = canvas.getContext("2d");
    const [w, hgt] = [canvas.width / ratio, canvas.height / ratio];
    const k = Math.min(w / width, hgt / height);
    const [ox, oy] = [(w - width * k) / 2, (hgt - height * k) / 2];
    this.mapView = { k, ox, oy };
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, w, hgt);
    for (const box of this.layout.boxes) {
      context.fillStyle = box.kind === "group" ? palette.colors.soft : box.kind === "node" ? palette.colors[box.item.node.family] : palette.colors.faint;
      context.fillRect(ox + box.x * k, oy + box.y * k, Math.max(1, box.w * k), Math.max(1, box.h * k));
    }
    context.strokeStyle = palette.colors.accent;
    context.lineWidth = 1.5;
    context.strokeRect(ox + area.x0 * k, oy + area.y0 * k, (area.x1 - area.x0) * k, (area.y1 - area.y0) * k);
  }

  // Input.

  hit(clientX, clientY) {
    const bounds = this.canvas.getBoundingClientRect();
    const x = (clientX - bounds.left - this.view.x) / this.view.k;
    const y = (clientY - bounds.top - this.view.y) / this.view.k;
    let group = null;
    for (const box of this.layout.boxes) {
      if (x < box.x || y < box.y || x > box.x + box.w || y > box.y + box.h) continue;
      if (box.kind !== "group") return { box, x, y };
      group = box;
    }
    return { box: group, x, y };
  }

  listen() {
    const canvas = this.canvas;
    const pointers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moved = 0;
      cancelAnimationFrame(this.animation);
      canvas.focus({ preventScroll: true });
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (last) {
        if (pointers.size === 2) {
          const [p, q] = [...pointers.values()];
          const before = Math.hypot(p.x - q.x, p.y - q.y);
          Object.assign(last, { x: event.clientX, y: event.clientY });
          const after = Math.hypot(p.x - q.x, p.y - q.y);
          const bounds = canvas.getBoundingClientRect();
          if (before > 0) this.zoom(after / before, (p.x + q.x) / 2 - bounds.left, (p.y + q.y) / 2 - bounds.top);
          moved = 100;
          return;
        }
        const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
        moved += Math.abs(dx) + Math.abs(dy);
        Object.assign(last, { x: event.clientX, y: event.clientY });
        if (moved > 3) { canvas.classList.add("dragging"); this.pan(dx, dy); hideTip(); }
        return;
      }
      const { box } = this.hit(event.clientX, event.clientY);
      canvas.classList.toggle("pointing", Boolean(box && box.kind !== "group"));
      if (box !== this.hover) { this.hover = box; this.draw(); }
      if (box && box.kind !== "group") showTip(event, tipOf(box)); else hideTip();
    });
    const up = (event) => {
      const wasDown = pointers.delete(event.pointerId);
      canvas.classList.remove("dragging");
      if (event.type === "pointercancel" || !wasDown || moved > 3) return;
      const { box, x, y } = this.hit(event.clientX, event.clientY);
      if (!box) { this.app.select(this, null); return; }
      const onTitle = box.kind === "group" && y < box.y + 28 && x < box.x + 28;
      const onTriangle = box.kind === "block" && y < box.y + 28 && x < box.x + 24;
      if (onTitle || onTriangle) this.toggle(box.scope);
      this.app.select(this, box.item || box.scope);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => { this.hover = null; hideTip(); this.draw(); });
    canvas.addEventListener("dblclick", (event) => {
      const { box } = this.hit(event.clientX, event.clientY);
      if (box && box.scope) { hideTip(); this.toggle(box.scope); }
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      hideTip();
      const bounds = canvas.getBoundingClientRect();
      const delta = event.deltaY * (event.deltaMode === 1 ? 24 : 1);
      if (event.shiftKey) this.pan(-delta, 0);
      else this.zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - bounds.left, event.clientY - bounds.top);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const actions = {
        ArrowLeft: () => this.pan(80, 0), ArrowRight: () => this.pan(-80, 0), ArrowUp: () => this.pan(0, 80), ArrowDown: () => this.pan(0, -80),
        "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(), f: () => this.fit(),
        Enter: () => { if (this.selected instanceof Scope) this.toggle(this.selected); },
        " ": () => { if (this.selected instanceof Scope) this.toggle(this.selected); },
        Backspace: () => this.app.selectParent(this), Escape: () => this.app.select(this, null),
        n: () => this.app.selectNeighbor(this, "consumers"), p: () => this.app.selectNeighbor(this, "producers"),
        b: () => this.foldToBlocks(), u: () => this.setAllOpen(true),
      };
      if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
    });
    const jump = (event) => {
      if (!(event.buttons & 1) || !this.mapView) return;
      const bounds = this.map.getBoundingClientRect();
      const { k, ox, oy } = this.mapView;
      this.view.x = this.width / 2 - (event.clientX - bounds.left - ox) / k * this.view.k;
      this.view.y = this.height / 2 - (event.clientY - bounds.top - oy) / k * this.view.k;
      this.draw();
    };
    this.map.addEventListener("pointerdown", (event) => { this.map.setPointerCapture(event.pointerId); jump(event); });
    this.map.addEventListener("pointermove", jump);
  }
}

function triangle(context, x, y, isOpen, color) {
  context.fillStyle = color;
  context.beginPath();
  if (isOpen) { context.moveTo(x - 5, y - 3); context.lineTo(x + 5, y - 3); context.lineTo(x, y + 4); }
  else { context.moveTo(x - 3, y - 5); context.lineTo(x - 3, y + 5); context.lineTo(x + 4, y); }
  context.fill();
}

function totalsOf(box) { return box.kind === "block" ? box.scope.totals : box.kind === "node" ? box.item.totals : null; }

const opCount = (totals) => (totals.count === 1 ? "1 op" : format.count(totals.count) + " ops");

function groupDetail(scope, color) {
  const { totals } = scope;
  const cost = colorModes[color].of ? colorModes[color].format(colorModes[color].of(totals)) : format.flop(totals.flop);
  return opCount(totals) + " · " + cost;
}

function tipOf(box) {
  const name = box.item ? box.item.name : box.scope.path;
  const lines = [h("div", { class: "name" }, name)];
  const type = box.item ? box.item.type : box.scope.result;
  if (type) lines.push(h("div", { class: "what" }, format.type(type)));
  const totals = totalsOf(box);
  if (totals) {
    const parts = [format.flop(totals.flop), format.bytes(totals.bytes) + " moved"];
    if (totals.seconds) parts.unshift(format.seconds(totals.seconds));
    lines.push(h("div", { class: "what" }, parts.join(" · ")));
  }
  if (box.kind === "block") lines.push(h("div", { class: "what" }, "Double-click to unfold"));
  return lines;
}

function showTip(event, content) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...content);
  tip.hidden = false;
  const { offsetWidth, offsetHeight } = tip;
  const x = event.clientX + 16 + offsetWidth > innerWidth ? event.clientX - offsetWidth - 12 : event.clientX + 16;
  const y = event.clientY + 18 + offsetHeight > innerHeight ? event.clientY - offsetHeight - 12 : event.clientY + 18;
  tip.style.left = Math.max(4, x) + "px";
  tip.style.top = Math.max(4, y) + "px";
}

function hideTip() { document.getElementById("tip").hidden = true; }
