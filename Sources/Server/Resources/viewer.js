// Two pictures of the same thing, one over the other, with a divider; both zoom and pan together.

import { h, put } from "./words.js";
import { release } from "./pictures.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Small photographs are shown larger, to this factor; more would only show their pixels. */
const largestFit = 3;

/** Fires `closer` when a side has fewer pixels than the screen could show. */
export class Viewer extends EventTarget {
  #width = 1;
  #height = 1;
  /** Screen (CSS) pixels for each of the photograph's. */
  #scale = 1;
  /** Where the photograph's upper left corner is in the viewer. */
  #x = 0;
  #y = 0;
  #fits = true;
  #split = 0.5;
  #images = { before: null, after: null };
  #pointers = new Map();
  #gesture = null;

  constructor() {
    super();
    const button = (label, text, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.before = h("div", { class: "layer" });
    this.after = h("div", { class: "layer" });
    this.beforeTag = h("span", { class: "tag before" }, "Before");
    this.afterTag = h("span", { class: "tag after" }, "After");
    this.knob = h("div", {
      class: "knob", role: "slider", tabindex: "0", "aria-label": "Divider between before and after", "aria-valuemin": "0", "aria-valuemax": "100",
      "aria-orientation": "horizontal", "aria-keyshortcuts": "+ - 0 1",
    });
    this.divider = h("div", { class: "divider" }, this.knob);
    this.zoom = h("span", { class: "zoom" });
    this.tools = h("div", { class: "tools", role: "group", "aria-label": "Zoom" },
      button("Zoom out", "−", () => this.zoomBy(1 / 1.5)), this.zoom, button("Zoom in", "+", () => this.zoomBy(1.5)),
      button("Show every pixel (1)", "1:1", () => this.zoomTo(1 / devicePixelRatio)), button("Fit (0)", "Fit", () => this.fit()));
    this.surface = h("div", { class: "surface", role: "group", "aria-label": "Photograph; plus and minus zoom, arrows move" }, this.before, this.after, this.divider, this.beforeTag, this.afterTag);
    this.element = h("div", { class: "viewer" }, this.surface, this.tools);
    this.#listen();
    new ResizeObserver(() => this.#layout()).observe(this.element);
  }

  // What is shown.

  /** A photograph's size in pixels; a new one is shown whole. */
  begin(width, height) {
    this.#width = Math.max(1, width);
    this.#height = Math.max(1, height);
    this.element.style.setProperty("--ratio", `${this.#width} / ${this.#height}`);
    this.set("before", null);
    this.set("after", null);
    this.#split = 0.5;
    this.fit();
  }

  /** Puts a decoded image on a side, or nothing, and lets the last one go. */
  set(side, image) {
    const last = this.#images[side];
    this.#images[side] = image;
    this[side].replaceChildren(...(image ? [image] : []));
    release(last);
    this.element.classList.toggle("single", !this.#images.after);
    this.knob.tabIndex = this.#images.after ? 0 : -1;
    this.surface.tabIndex = this.#images.after ? -1 : 0;
    this.#layout();
  }

  label(after) {
    put(this.afterTag, after);
    this.knob.setAttribute("aria-label", `Divider between before and ${after.toLowerCase()}`);
  }

  has(side) { return this.#images[side] !== null; }

  get split() { return this.#split; }
  set split(value) {
    this.#split = clamp(value, 0, 1);
    this.#layout();
  }

  /** Draws the divider over the picture once, to show what it does. */
  reveal() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const began = performance.now();
    const move = (now) => {
      if (this.#gesture) return;
      const part = clamp((now - began) / 900, 0, 1);
      this.split = 1 - 0.5 * (1 - (1 - part) ** 3);
      if (part < 1) requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  // Zoom and place.

  get #view() { return { width: this.surface.clientWidth, height: this.surface.clientHeight }; }
  get #fitScale() {
    const { width, height } = this.#view;
    return Math.max(1e-4, Math.min(width / this.#width, height / this.#height, largestFit));
  }

  fit() {
    this.#fits = true;
    this.#layout();
  }

  zoomBy(factor, x = this.#view.width / 2, y = this.#view.height / 2) {
    this.zoomTo(this.#scale * factor, x, y);
  }

  /** Zooms so that what is at (x, y) of the viewer stays there. */
  zoomTo(scale, x = this.#view.width / 2, y = this.#view.height / 2) {
    const least = Math.min(this.#fitScale, 1 / devicePixelRatio);
    const next = clamp(scale, least, Math.max(8 / devicePixelRatio, this.#fitScale));
    this.#x = x - (x - this.#x) * (next / this.#scale);
    this.#y = y - (y - this.#y) * (next / this.#scale);
    this.#scale = next;
    this.#fits = next <= this.#fitScale * 1.001 && next >= this.#fitScale * 0.999;
    this.#layout();
  }

  pan(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#layout();
  }

  #layout() {
    const view = this.#view;
    if (!view.width) return;
    if (this.#fits) this.#scale = this.#fitScale;
    const width = this.#width * this.#scale;
    const height = this.#height * this.#scale;
    this.#x = width <= view.width ? (view.width - width) / 2 : clamp(this.#x, view.width - width, 0);
    this.#y = height <= view.height ? (view.height - height) / 2 : clamp(this.#y, view.height - height, 0);
    // On whole pixels of the screen, or the picture would be resampled at 100 %.
    const snap = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
    const pixels = this.#scale * devicePixelRatio;
    for (const side of ["before", "after"]) {
      const image = this.#images[side];
      if (!image) continue;
      image.style.width = `${width}px`;
      image.style.height = `${height}px`;
      image.style.transform = `translate(${snap(this.#x)}px, ${snap(this.#y)}px)`;
      image.classList.toggle("pixels", pixels >= 3 && image.naturalWidth >= this.#width);
    }
    const left = Math.max(0, this.#x);
    const right = Math.min(view.width, this.#x + width);
    const at = snap(left + this.#split * (right - left));
    if (this.#images.after) {
      this.before.style.clipPath = `inset(0 ${view.width - at}px 0 0)`;
      this.after.style.clipPath = `inset(0 0 0 ${at}px)`;
      this.divider.style.transform = `translateX(${at}px)`;
    } else {
      this.before.style.clipPath = "none";
    }
    const top = Math.max(0, this.#y);
    this.divider.style.top = `${top}px`;
    this.divider.style.bottom = `${Math.max(0, view.height - this.#y - height)}px`;
    for (const tag of [this.beforeTag, this.afterTag]) tag.style.top = `${top + 12}px`;
    this.beforeTag.style.left = `${left + 12}px`;
    this.afterTag.style.right = `${view.width - right + 12}px`;
    this.beforeTag.classList.toggle("gone", at - left < this.beforeTag.offsetWidth + 20);
    this.afterTag.classList.toggle("gone", right - at < this.afterTag.offsetWidth + 20);
    this.surface.classList.toggle("fits", this.#fits || (width <= view.width && height <= view.height));
    put(this.zoom, `${Math.round(pixels * 100)} %`);
    const share = Math.round(this.#split * 100);
    this.knob.setAttribute("aria-valuenow", share);
    this.knob.setAttribute("aria-valuetext", `${share} % before, ${100 - share} % ${this.afterTag.textContent.toLowerCase()}`);
    for (const side of ["before", "after"]) {
      const image = this.#images[side];
      if (image && image.naturalWidth < this.#width && pixels * this.#width > image.naturalWidth * 1.1) this.dispatchEvent(new CustomEvent("closer", { detail: side }));
    }
  }

  // Hands.

  #place(event) {
    const box = this.surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #splitAt(x) {
    const left = Math.max(0, this.#x);
    const right = Math.min(this.#view.width, this.#x + this.#width * this.#scale);
    this.split = (x - left) / Math.max(1, right - left);
  }

  #pinch() {
    const [a, b] = [...this.#pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, span: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  #listen() {
    const { surface } = this;
    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      surface.setPointerCapture(event.pointerId);
      const place = this.#place(event);
      this.#pointers.set(event.pointerId, place);
      if (this.#pointers.size === 2) {
        this.#gesture = { kind: "pinch", ...this.#pinch() };
      } else {
        const knob = this.divider.getBoundingClientRect();
        const isNear = this.#images.after && Math.abs(event.clientX - knob.left) < 26;
        const isDivider = this.#images.after && (isNear || surface.classList.contains("fits"));
        this.#gesture = { kind: isDivider ? "divide" : "pan", from: place };
        if (isNear || event.target === this.knob) this.knob.focus({ preventScroll: true });
      }
      surface.classList.add("held");
    });
    surface.addEventListener("pointermove", (event) => {
      if (!this.#pointers.has(event.pointerId) || !this.#gesture) return;
      const last = this.#pointers.get(event.pointerId);
      const place = this.#place(event);
      this.#pointers.set(event.pointerId, place);
      if (this.#gesture.kind === "pinch") {
        const now = this.#pinch();
        this.pan(now.x - this.#gesture.x, now.y - this.#gesture.y);
        this.zoomBy(now.span / this.#gesture.span, now.x, now.y);
        Object.assign(this.#gesture, now);
      } else if (this.#gesture.kind === "divide") {
        // A finger may be about to scroll the page.
        this.#gesture.isSure ||= event.pointerType !== "touch" || Math.abs(place.x - this.#gesture.from.x) > 8;
        if (this.#gesture.isSure) this.#splitAt(place.x);
      } else {
        this.pan(place.x - last.x, place.y - last.y);
      }
    });
    const end = (event) => {
      this.#pointers.delete(event.pointerId);
      // The finger that stays after a pinch pans.
      this.#gesture = this.#pointers.size ? { kind: "pan" } : null;
      surface.classList.toggle("held", this.#pointers.size > 0);
    };
    surface.addEventListener("pointerup", (event) => {
      const { from, kind } = this.#gesture ?? {};
      const place = this.#place(event);
      if (kind === "divide" && from && Math.hypot(place.x - from.x, place.y - from.y) < 4) this.#splitAt(place.x);
      end(event);
    });
    surface.addEventListener("pointercancel", end);
    surface.addEventListener("dblclick", (event) => {
      const { x, y } = this.#place(event);
      if (this.#fits) this.zoomTo(Math.max(1 / devicePixelRatio, this.#fitScale * 2), x, y);
      else this.fit();
    });
    surface.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = this.#place(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      // A pinch on a trackpad comes as a wheel with the control key, in smaller steps.
      this.zoomBy(Math.exp(-clamp(event.deltaY * lines, -200, 200) * (event.ctrlKey ? 0.01 : 0.002)), x, y);
    }, { passive: false });
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 60 : 0;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const shares = { ArrowLeft: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1 };
    if (event.key in moves && (step || !this.#images.after)) this.pan(moves[event.key][0] * 60, moves[event.key][1] * 60);
    else if (event.key in shares && this.#images.after) this.split += shares[event.key];
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-" || event.key === "_") this.zoomBy(1 / 1.25);
    else if (event.key === "0") this.fit();
    else if (event.key === "1") this.zoomTo(1 / devicePixelRatio);
    else return;
    event.preventDefault();
  }
}
