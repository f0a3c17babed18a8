// The photographs that the server has: those in work, and those that have ended.

import { Thumbnails } from "./pictures.js";
import { count, h, hasEnded, moment, percent, photographs, put, state } from "./words.js";

class Row {
  constructor(job, act) {
    this.image = h("img", { alt: "", width: 56, height: 56 });
    this.name = h("span", { class: "name" });
    this.state = h("span", { class: "state" });
    this.bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span", {}));
    this.button = h("button", { type: "button", class: "item", onclick: act }, h("span", { class: "frame" }, this.image), h("span", { class: "texts" }, this.name, this.state, this.bar));
    this.element = h("li", {}, this.button);
  }
  update(job, isLooked) {
    // Most of a long history is as it was.
    if (this.job === job && this.isLooked === isLooked) return;
    Object.assign(this, { job, isLooked });
    put(this.name, job.name);
    put(this.state, hasEnded(job) && job.ended ? `${state(job)}, ${moment(job.ended)}` : state(job));
    this.element.dataset.state = job.state;
    this.bar.hidden = job.state !== "running";
    if (job.state === "running") this.bar.firstChild.style.width = `${percent(job.progress)}%`;
    if (isLooked) this.button.setAttribute("aria-current", "true"); else this.button.removeAttribute("aria-current");
  }
}

/** Fires `look` with a job's id, `tray`, `cancelAll`, `forgetAll`, `downloadAll`. */
export class List extends EventTarget {
  #rows = new Map();

  constructor(element, store, tray) {
    super();
    Object.assign(this, { element, store, tray });
    const fire = (name, detail) => () => this.dispatchEvent(new CustomEvent(name, { detail }));
    const action = (text, name) => h("button", { type: "button", class: "link", onclick: fire(name) }, text);
    this.pending = h("button", { type: "button", class: "pending", hidden: true, onclick: fire("tray") });
    this.cancelAll = action("Cancel all", "cancelAll");
    this.downloadAll = action("Download all", "downloadAll");
    this.forgetAll = action("Forget all", "forgetAll");
    this.activeTitle = h("h2", { id: "in-work" });
    this.endedTitle = h("h2", { id: "ended" }, "History");
    this.active = h("ul", { role: "list", "aria-labelledby": "in-work" });
    this.ended = h("ul", { role: "list", "aria-labelledby": "ended" });
    this.older = h("button", { type: "button", class: "button quiet older", onclick: () => this.#loadOlder() }, "Show older");
    this.activePart = h("div", { class: "part" }, h("div", { class: "head" }, this.activeTitle, this.cancelAll), this.active);
    this.endedPart = h("div", { class: "part" }, h("div", { class: "head" }, this.endedTitle, this.downloadAll, this.forgetAll), this.ended, this.older);
    element.append(this.pending, this.activePart, this.endedPart);
    this.thumbnails = new Thumbnails(element);
    store.addEventListener("change", () => this.update());
    tray.addEventListener("change", () => this.update());
  }

  update() {
    const { active, ended } = this.store;
    this.#fill(this.active, active);
    this.#fill(this.ended, ended);
    for (const [id, row] of this.#rows) {
      if (this.store.jobs.has(id)) continue;
      this.thumbnails.remove(row.image);
      row.element.remove();
      this.#rows.delete(id);
    }
    const done = ended.filter((job) => job.state === "done").length;
    put(this.activeTitle, active.length > 1 ? `In work, ${active.length}` : "In work");
    this.activePart.hidden = active.length === 0;
    this.endedPart.hidden = ended.length === 0 && !this.store.next;
    this.cancelAll.hidden = active.length < 2;
    this.downloadAll.hidden = done < 2;
    this.downloadAll.title = `${photographs(done)}, one by one`;
    this.forgetAll.hidden = ended.length < 2;
    this.older.hidden = !this.store.next;
    const { unsent, refused, isSending } = this.tray;
    // Where the photographs themselves are shown, a line about them says nothing new.
    this.pending.hidden = unsent + refused === 0 || !this.tray.element.hidden;
    put(this.pending, isSending ? `Sending ${photographs(unsent)} …` : refused ? `${count(refused, "photograph was", "photographs were")} not accepted` : `${photographs(unsent)} not sent yet`);
    this.element.hidden = this.store.jobs.size === 0 && this.pending.hidden;
  }

  /** Puts rows in order, moving only those that are elsewhere, so that the focus stays. */
  #fill(list, jobs) {
    let next = list.firstElementChild;
    for (const job of jobs) {
      let row = this.#rows.get(job.id);
      if (!row) {
        row = new Row(job, () => this.dispatchEvent(new CustomEvent("look", { detail: job.id })));
        this.#rows.set(job.id, row);
        this.thumbnails.add(row.image, job.links.thumbnail);
      }
      row.update(job, job.id === this.store.looked);
      if (row.element === next) next = next.nextElementSibling;
      else {
        const hadFocus = row.element.contains(document.activeElement);
        list.insertBefore(row.element, next);
        if (hadFocus) row.button.focus({ preventScroll: true });
      }
    }
  }

  async #loadOlder() {
    this.older.disabled = true;
    const last = this.ended.lastElementChild;
    try {
      await this.store.loadOlder();
      this.update();
      last?.nextElementSibling?.querySelector("button").focus({ preventScroll: true });
    } finally {
      this.older.disabled = false;
    }
  }

  /** Moves the focus to where a row was. */
  focus() { (this.element.querySelector("[aria-current]") ?? this.element.querySelector(".item"))?.focus({ preventScroll: true }); }
}
