// The memory plan as a picture: time across, address up, and above it how much is alive.

class MemoryChart {
  constructor(app, memory, steps) {
    this.app = app;
    this.memory = memory;
    this.steps = steps;   // items of the graph by step
    this.end = Math.max(memory.stepCount, ...memory.buffers.map((buffer) => buffer.end));
    this.range = [0, this.end];
    this.live = new Array(this.end + 1).fill(0);
    for (const buffer of memory.buffers) {
      if (buffer.start >= buffer.end) continue;
      this.live[buffer.start] += buffer.bytes;
      this.live[buffer.end] -= buffer.bytes;
    }
    for (let i = 1; i <= this.end; i++) this.live[i] += this.live[i - 1];
    this.peak = this.live.indexOf(Math.max(...this.live));
    this.canvas = h("canvas", { tabindex: "0", "aria-label": "Memory plan" });
    this.host = h("div", { id: "memory-chart" }, this.canvas);
    this.color = "kind";
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.host);
  }

  render(page) {
    const { memory } = this;
    const largest = Math.max(...this.live);
    const over = memory.lowerBound ? 100 * (memory.arenaBytes - memory.lowerBound) / memory.lowerBound : 0;
    const card = (value, label) => h("div", { class: "card" }, h("b", {}, value), h("span", {}, label));
    const atPeak = memory.buffers.filter((buffer) => buffer.start <= this.peak && this.peak < buffer.end).sort((a, b) => b.bytes - a.bytes);
    this.keys = h("div", { class: "keys" });
    const select = h("select", { "aria-label": "Colour", onchange: (event) => { this.color = event.target.value; this.draw(); } },
      h("option", { value: "kind" }, "Colour by role"), h("option", { value: "family" }, "Colour by kind of op"));
    page.replaceChildren(
      h("div", { class: "cards" },
        card(format.bytes(memory.arenaBytes), "arena"), card(format.bytes(memory.lowerBound), "lower bound: most alive at one step"),
        card(over.toFixed(2) + " %", "above the lower bound"), card(format.count(memory.buffers.length), "buffers"),
        card(format.bytes(memory.buffers.reduce((sum, buffer) => sum + buffer.bytes, 0)), "without reuse"), card(memory.strategy, "strategy")),
      h("div", { class: "keys" }, select, this.keys, h("span", {}, "Wheel zooms in time, drag moves, double-click shows all.")),
      this.host,
      h("h2", { style: { marginTop: "22px" } }, `Alive at step ${this.peak}, where most is: ${format.bytes(largest)}`),
      h("div", { class: "sheet" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { class: "left" }, "buffer"), h("th", { class: "left" }, "role"), h("th", {}, "size"), h("th", {}, "share"), h("th", {}, "offset"), h("th", {}, "steps"))),
        h("tbody", {}, atPeak.slice(0, 25).map((buffer) => h("tr", { class: "rows", onclick: () => this.app.goToValue(buffer.value) },
          h("td", { class: "left code" }, buffer.label), h("td", { class: "left" }, buffer.kind), h("td", {}, format.bytes(buffer.bytes)), h("td", {}, format.share(buffer.bytes, largest)),
          h("td", {}, format.bytes(buffer.offset)), h("td", {}, `${buffer.start} – ${buffer.end - 1}`)))))));
    this.draw();
  }

  fill(buffer) {
    if (this.color === "kind") return palette.colors[{ value: "convolution", scratch: "activation", output: "elementwise" }[buffer.kind]];
    const item = this.app.main.model.byValue.get(buffer.value);
    return palette.colors[item && item.node ? item.node.family : "other"];
  }

  geometry() {
    const [w, hgt] = [this.host.clientWidth, this.host.clientHeight];
    const strip = 92;
    return { w, hgt, left: 76, right: w - 16, top: strip + 34, bottom: hgt - 34, liveTop: 16, liveBottom: strip };
  }

  draw() {
    if (!this.host.clientWidth || this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = null; this.paint(); });
  }

  paint() {
    const g = this.geometry();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = g.w * ratio;
    this.canvas.height = g.hgt * ratio;
    const context = this.canvas.getContext("2d");
    const colors = palette.colors;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [from, to] = this.range;
    const x = (step) => g.left + (step - from) / (to - from) * (g.right - g.left);
    const top = Math.max(this.memory.arenaBytes, this.memory.lowerBound, 1);
    const y = (bytes) => g.bottom - bytes / top * (g.bottom - g.top);
    const yLive = (bytes) => g.liveBottom - bytes / top * (g.liveBottom - g.liveTop);
    context.font = fonts.detail;
    context.textBaseline = "middle";

    // Axes.
    context.strokeStyle = colors.line;
    context.fillStyle = colors.muted;
    context.lineWidth = 1;
    context.textAlign = "right";
    for (const bytes of ticks(0, top, 6)) {
      line(context, g.left, y(bytes), g.right, y(bytes));
      context.fillText(format.bytes(bytes), g.left - 8, y(bytes));
    }
    context.textAlign = "center";
    for (const step of ticks(from, to, 10)) if (Number.isInteger(step)) context.fillText(String(step), x(step), g.bottom + 14);
    context.fillText("step", (g.left + g.right) / 2, g.bottom + 27);

    context.save();
    context.beginPath();
    context.rect(g.left, 0, g.right - g.left, g.bottom + 1);
    context.clip();
    this.shapes = [];
    for (const buffer of this.memory.buffers) {
      if (buffer.end < from || buffer.start > to) continue;
      const shape = { buffer, x: x(buffer.start), y: y(buffer.offset + buffer.bytes) };
      shape.w = Math.max(1, x(buffer.end) - shape.x);
      shape.h = Math.max(1, y(buffer.offset) - shape.y);
      this.shapes.push(shape);
      context.fillStyle = this.fill(buffer);
      context.globalAlpha = this.hover && this.hover.buffer === buffer ? 1 : 0.72;
      context.fillRect(shape.x, shape.y, shape.w, shape.h);
      context.globalAlpha = 1;
      if (shape.w > 3 && shape.h > 3) {
        context.strokeStyle = colors.surface;
        context.lineWidth = 0.8;
        context.strokeRect(shape.x, shape.y, shape.w, shape.h);
      }
      if (shape.w > 70 && shape.h > 15) {
        context.fillStyle = "#ffffff";
        context.textAlign = "left";
        const visibleX = Math.max(shape.x, g.left);
        context.fillText(shortened(buffer.label, fonts.detail, shape.x + shape.w - visibleX - 10), visibleX + 5, shape.y + shape.h / 2);
      }
    }
    if (this.hover) {
      context.strokeStyle = colors.text;
      context.lineWidth = 1.5;
      context.strokeRect(this.hover.x, this.hover.y, this.hover.w, this.hover.h);
    }

    // What is alive, step by step.
    context.beginPath();
    context.moveTo(x(0), g.liveBottom);
    for (let step = 0; step < this.end; step++) { context.lineTo(x(step), yLive(this.live[step])); context.lineTo(x(step + 1), yLive(this.live[step])); }
    context.lineTo(x(this.end), g.liveBottom);
    context.globalAlpha = 0.22;
    context.fillStyle = colors.accent;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = colors.accent;
    context.lineWidth = 1.3;
    context.stroke();

    // The bound, in both pictures.
    context.setLineDash([6, 4]);
    context.strokeStyle = colors.remove;
    context.lineWidth = 1.4;
    line(context, g.left, y(this.memory.lowerBound), g.right, y(this.memory.lowerBound));
    line(context, g.left, yLive(this.memory.lowerBound), g.right, yLive(this.memory.lowerBound));
    context.setLineDash([]);
    if (this.step !== undefined) {
      context.strokeStyle = colors.muted;
      context.lineWidth = 1;
      line(context, x(this.step + 0.5), g.liveTop, x(this.step + 0.5), g.bottom);
    }
    context.restore();

    context.textAlign = "right";
    context.fillStyle = colors.muted;
    context.fillText("alive", g.left - 8, (g.liveTop + g.liveBottom) / 2);
    context.fillStyle = colors.remove;
    context.fillText("lower bound " + format.bytes(this.memory.lowerBound), g.right - 4, y(this.memory.lowerBound) + (y(this.memory.lowerBound) - g.top < 14 ? -9 : -9));
    context.textAlign = "left";

    const used = this.color === "kind"
      ? [["convolution", "value"], ["activation", "scratch"], ["elementwise", "output"]]
      : Object.entries(families);
    this.keys.replaceChildren(...used.map(([color, label]) => h("span", {}, h("i", { style: { background: `var(--${color})` } }), label)));
  }

  listen() {
    let drag = null;
    const stepAt = (event) => {
      const g = this.geometry();
      const bounds = this.canvas.getBoundingClientRect();
      return this.range[0] + (event.clientX - bounds.left - g.left) / (g.right - g.left) * (this.range[1] - this.range[0]);
    };
    const setRange = (from, to) => {
      const size = Math.min(this.end, Math.max(4, to - from));
      const start = Math.min(Math.max(0, from), this.end - size);
      this.range = [Math.max(0, start), Math.max(0, start) + size];
      this.draw();
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, range: [...this.range], moved: false };
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        const g = this.geometry();
        const shift = (drag.x - event.clientX) / (g.right - g.left) * (drag.range[1] - drag.range[0]);
        drag.moved = drag.moved || Math.abs(drag.x - event.clientX) > 3;
        if (drag.moved) setRange(drag.range[0] + shift, drag.range[1] + shift);
        return;
      }
      const bounds = this.canvas.getBoundingClientRect();
      const [px, py] = [event.clientX - bounds.left, event.clientY - bounds.top];
      this.hover = (this.shapes || []).findLast((shape) => px >= shape.x && px <= shape.x + shape.w && py >= shape.y && py <= shape.y + shape.h);
      const step = Math.floor(stepAt(event));
      this.step = step >= 0 && step < this.end ? step : undefined;
      const tip = [];
      if (this.hover) {
        const { buffer } = this.hover;
        tip.push(h("div", { class: "name" }, buffer.label),
          h("div", { class: "what" }, `${buffer.kind}, ${format.bytes(buffer.bytes)} at ${format.count(buffer.offset)}`),
          h("div", { class: "what" }, `steps ${buffer.start} to ${buffer.end - 1} (${buffer.end - buffer.start})`));
      }
      if (this.step !== undefined) {
        const item = this.steps[this.step];
        tip.push(h("div", { class: "what" }, `step ${this.step}` + (item ? `: ${item.node.kernel || item.node.op}` : "") + `, ${format.bytes(this.live[this.step])} alive`));
      }
      if (tip.length) showTip(event, tip); else hideTip();
      this.draw();
    });
    this.canvas.addEventListener("pointerup", () => {
      if (drag && !drag.moved && this.hover) this.app.goToValue(this.hover.buffer.value);
      drag = null;
    });
    this.canvas.addEventListener("pointerleave", () => { this.hover = this.step = undefined; hideTip(); this.draw(); });
    this.canvas.addEventListener("dblclick", () => setRange(0, this.end));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = stepAt(event);
      const factor = Math.exp(event.deltaY * (event.deltaMode === 1 ? 24 : 1) * 0.0016);
      setRange(at - (at - this.range[0]) * factor, at + (this.range[1] - at) * factor);
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => {
      const size = this.range[1] - this.range[0];
      const middle = (this.range[0] + this.range[1]) / 2;
      const actions = {
        ArrowLeft: () => setRange(this.range[0] - size / 10, this.range[1] - size / 10), ArrowRight: () => setRange(this.range[0] + size / 10, this.range[1] + size / 10),
        "+": () => setRange(middle - size * 0.4, middle + size * 0.4), "-": () => setRange(middle - size * 0.625, middle + size * 0.625), 0: () => setRange(0, this.end),
      };
      if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
    });
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Round numbers between two others, about so many. */
function ticks(from, to, count) {
  const rough = (to - from) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const result = [];
  for (let value = Math.ceil(from / step) * step; value <= to; value += step) result.push(Math.round(value * 1e6) / 1e6);
  return result;
}
