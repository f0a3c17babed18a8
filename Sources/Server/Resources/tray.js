// The photographs that were chosen and are not the server's yet: what they are, how they will be restored, how long that takes; and their sending.

import { getJSON, isOutage, post } from "./api.js";
import { draw } from "./pictures.js";
import { bytes, complaint, count, h, photographs, put, roughly, say, seconds, sentence, size } from "./words.js";

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

class Item {
  state = "chosen";
  width = null;
  height = null;
  problem = null;
  /** The same photograph that is sent again after a broken connection makes no second job. */
  key = randomKey();

  constructor(file, tray) {
    this.file = file;
    this.canvas = h("canvas", { width: 1, height: 1, "aria-hidden": "true" });
    this.kind = h("span", { class: "kind", hidden: true }, (file.name.split(".").pop() || "file").toUpperCase().slice(0, 5));
    this.bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": `Sending ${file.name}` });
    this.facts = h("span", { class: "facts" }, bytes(file.size));
    this.note = h("p", { class: "note", hidden: true });
    this.away = h("button", { class: "away", type: "button", "aria-label": `Remove ${file.name}`, title: "Remove", onclick: () => tray.remove(this) }, "×");
    this.element = h("li", { class: "tile" }, h("div", { class: "picture" }, this.canvas, this.kind, this.bar), this.away,
      h("div", { class: "under" }, h("span", { class: "name" }, file.name), this.facts), this.note);
  }

  get area() { return (this.width ?? 0) * (this.height ?? 0); }

  async picture(longest) {
    const known = await draw(this.canvas, this.file, longest);
    this.kind.hidden = known !== null;
    if (!known) return;
    ({ width: this.width, height: this.height } = known);
    put(this.facts, `${size(this.width, this.height)}, ${bytes(this.file.size)}`);
  }

  say(text, isProblem) {
    put(this.note, text ?? "");
    this.note.hidden = !text;
    this.element.classList.toggle("refused", Boolean(isProblem));
  }
}

/** Fires `change`, `job` with each that was accepted, and `sent` when all were tried. */
export class Tray extends EventTarget {
  items = [];
  isSending = false;
  #drawing = Promise.resolve();
  #estimates = new Map();
  #round = 0;
  #stop = new Map();

  constructor(element, options, store, choose) {
    super();
    Object.assign(this, { element, options, store });
    this.list = h("ul", { class: "tiles", role: "list" });
    this.summary = h("p", { class: "summary", role: "status" });
    this.start = h("button", { class: "button primary large", type: "button", onclick: () => this.send() });
    this.more = h("button", { class: "button large", type: "button", onclick: choose }, "Add more");
    this.clear = h("button", { class: "button large quiet", type: "button", onclick: () => { for (const item of [...this.items]) this.remove(item); } }, "Never mind");
    this.full = h("div", { class: "tray" }, this.list, options.choice, options.beside, options.details, this.summary, h("div", { class: "row" }, this.start, this.more, this.clear));
    this.empty = invitation(choose);
    options.addEventListener("change", () => this.#estimate());
    this.#show();
  }

  get unsent() { return this.items.filter((item) => item.state !== "refused").length; }
  get refused() { return this.items.filter((item) => item.state === "refused").length; }

  add(files) {
    for (const file of files) {
      const item = new Item(file, this);
      this.items.push(item);
      this.list.append(item.element);
    }
    this.#draw();
    this.#show();
    say(`${photographs(files.length)} added.`);
  }

  remove(item) {
    this.#stop.get(item)?.abort();
    const index = this.items.indexOf(item);
    if (index < 0) return;
    const hadFocus = item.element.contains(document.activeElement);
    this.items.splice(index, 1);
    item.element.remove();
    this.#show();
    if (hadFocus) (this.items[Math.min(index, this.items.length - 1)]?.away ?? this.empty.querySelector("button")).focus();
    if (this.items.length === 1) this.#draw();
  }

  /** One after the other, since each is decoded whole; a single one large. */
  #draw() {
    const longest = this.items.length === 1 ? 1400 : 360;
    for (const item of this.items) {
      if (item.drawn >= longest) continue;
      item.drawn = longest;
      this.#drawing = this.#drawing.then(() => this.items.includes(item) && item.picture(longest)).then(() => this.#estimate());
    }
  }

  #show() {
    const { length } = this.items;
    this.element.replaceChildren(length ? this.full : this.empty);
    this.list.classList.toggle("one", length === 1);
    put(this.start, this.isSending ? "Sending …" : length === 1 ? "Restore" : `Restore ${photographs(length)}`);
    this.start.disabled = this.isSending;
    this.clear.disabled = this.isSending;
    this.#estimate();
    this.dispatchEvent(new Event("change"));
  }

  // How long it will take.

  async #one(width, height, values) {
    const query = new URLSearchParams({ width, height, ...values }).toString();
    if (!this.#estimates.has(query)) {
      if (this.#estimates.size > 500) this.#estimates.clear();
      const answer = getJSON(`/v1/estimate?${query}`);
      this.#estimates.set(query, answer);
      answer.catch(() => this.#estimates.delete(query));
    }
    return this.#estimates.get(query);
  }

  async #estimate() {
    const round = ++this.#round;
    await sleep(120);
    const known = this.items.filter((item) => item.area > 0 && item.state === "chosen");
    const { length } = known;
    if (round !== this.#round || this.isSending) return;
    if (!length) {
      for (const id of this.options.presets) this.options.setTime(id, "");
      this.#sum(this.items.some((item) => item.state === "chosen") ? "How long it takes is known when the server has seen the photograph." : "", false);
      return;
    }
    for (const id of this.options.presets) {
      const isChosen = id === this.options.preset;
      try {
        const values = this.options.values(id);
        let total = 0;
        for (const item of known) {
          const answer = await this.#one(item.width, item.height, values);
          if (round !== this.#round) return;
          total += answer.seconds ?? 0;
          if (isChosen) item.say(answer.fits === false ? `Does not fit into the server's memory. ${answer.advice ?? ""}`.trim() : null, false);
        }
        this.options.setTime(id, total > 0 ? roughly(total) : "");
        if (isChosen) this.#sum(this.#sentence(total, length), false);
      } catch (error) {
        if (round !== this.#round || isOutage(error)) return;
        // Another preset's trouble is told when it is chosen.
        this.options.setTime(id, "");
        if (isChosen) this.#sum(complaint(error), true);
      }
    }
  }

  #sum(text, isProblem) {
    put(this.summary, text);
    this.summary.classList.toggle("problem", isProblem);
  }

  #sentence(total, known) {
    const rest = this.items.filter((item) => item.state === "chosen").length - known;
    const before = this.store.active.length;
    return [total > 0 ? `Takes ${roughly(total)}` : "", rest > 0 ? `without ${rest} whose size only the server can tell` : "",
      before ? `once ${count(before, "other is", "others are")} done` : ""].filter(Boolean).join(", ") + ".";
  }

  // Sending.

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    const values = this.options.values();
    for (const item of this.items) { if (item.state === "refused") Object.assign(item, { state: "chosen", key: randomKey() }); item.say(null); }
    this.#show();
    for (const item of this.items.filter((candidate) => candidate.state === "chosen")) {
      if (!this.items.includes(item)) continue;
      try {
        const job = await this.#sendOne(item, values);
        this.remove(item);
        this.dispatchEvent(new CustomEvent("job", { detail: job }));
      } catch (error) {
        if (error.name === "AbortError") continue;
        item.state = "refused";
        item.bar.hidden = true;
        item.say(complaint(error), true);
        say(`${item.file.name} was not accepted: ${item.note.textContent}`);
      }
    }
    this.isSending = false;
    this.#show();
    this.dispatchEvent(new Event("sent"));
  }

  async #sendOne(item, values) {
    // A folder, or a file that is not there any more, would look like a broken connection later.
    await item.file.slice(0, 1).arrayBuffer().catch(() => { throw new Error("The browser cannot read this file."); });
    item.state = "sending";
    const stop = new AbortController();
    this.#stop.set(item, stop);
    const query = new URLSearchParams({ name: item.file.name, ...values });
    let wait = 1000;
    for (;;) {
      try {
        item.bar.hidden = false;
        item.bar.value = 0;
        this.dispatchEvent(new Event("change"));
        return await post(item.file, query, item.key, (part) => { item.bar.value = part; }, stop.signal);
      } catch (error) {
        if (error.status !== 429 && !isOutage(error)) throw error;
        const pause = error.status === 429 ? (error.retryAfter ?? 10) * 1000 : wait;
        wait = Math.min(15000, wait * 2);
        const reason = error.status === 429 ? sentence(error.detail) : "The server does not answer.";
        item.say(`${reason} It is sent again in ${seconds(pause / 1000)}.`);
        await sleep(pause);
        item.say(null);
        if (stop.signal.aborted) throw new DOMException("Aborted", "AbortError");
      }
    }
  }
}

/** What the page shows when there is nothing to show. */
function invitation(choose) {
  const picture = h("img", { src: "/favicon.svg", alt: "", class: "emblem", width: 168, height: 168 });
  return h("div", { class: "invitation" }, picture, h("h2", {}, "Make blurred photographs sharp"),
    h("p", {}, "Drop photographs here, paste them, or choose files."),
    h("button", { class: "button primary large", type: "button", onclick: choose }, "Choose photographs"),
    h("p", { class: "small" }, "They go to this server and nowhere else."));
}
