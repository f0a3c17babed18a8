// The one photograph that is looked at: before and after, what is going on, what is known, and what can be done.

import { getBlob } from "./api.js";
import { address, decode, release } from "./pictures.js";
import { Strip } from "./strip.js";
import { Viewer } from "./viewer.js";
import { blur, bytes, count, h, hasEnded, left, moment, percent, put, roughly, say, seconds, sentence, size, step } from "./words.js";

/** Fires `cancel`, `forget`, `download`, `retry` and `reuse` with the job. */
export class Stage extends EventTarget {
  #job = null;
  #state = null;
  /** Grows when another job is looked at, so that late pictures of the last one are not shown. */
  #round = 0;
  #whole = { before: false, after: false };
  #preview = null;
  #isDecoding = false;
  #saidQuarter = 0;

  constructor(element, store) {
    super();
    Object.assign(this, { element, store });
    this.viewer = new Viewer();
    this.strip = new Strip();
    this.title = h("h2", {});
    this.facts = h("p", { class: "facts" });
    this.actions = h("div", { class: "actions" });
    this.step = h("p", {});
    this.left = h("p", { class: "left" });
    this.bar = h("progress", { max: 1, "aria-label": "Progress" });
    this.live = h("div", { class: "live" }, this.step, this.left, this.bar);
    this.notes = h("div", { class: "notes" });
    this.settings = h("dl", { class: "settings" });
    this.about = h("details", { class: "about" }, h("summary", {}, "Details"), this.settings);
    element.append(h("div", { class: "bar" }, h("div", { class: "what" }, this.title, this.facts), this.actions),
      this.viewer.element, this.live, this.notes, this.strip.element, this.about);
    this.viewer.addEventListener("closer", ({ detail }) => this.#lookCloser(detail));
    this.strip.addEventListener("choose", ({ detail }) => this.#choose(detail));
    store.addEventListener("change", () => this.update());
  }

  get job() { return this.#job; }

  show(job) {
    if (job.id === this.#job?.id) return;
    this.#round += 1;
    Object.assign(this.#whole, { before: false, after: false });
    this.#state = this.#preview = null;
    this.#saidQuarter = 0;
    this.#job = job;
    this.strip.clear();
    this.viewer.begin(job.input.width, job.input.height);
    this.#showBefore(job);
    this.update();
  }

  hide() {
    this.#round += 1;
    this.#job = null;
    this.viewer.begin(1, 1);
    this.strip.clear();
  }

  update() {
    const job = this.#job && this.store.jobs.get(this.#job.id);
    if (!job) return;
    this.#job = job;
    if (job.state !== this.#state) this.#enter(job, this.#state);
    put(this.title, job.name);
    const { input } = job;
    put(this.facts, [size(input.width, input.height), bytes(input.bytes), blur(job), job.state === "done" && job.seconds && `restored in ${seconds(job.seconds)}`].filter(Boolean).join(" · "));
    if (job.state === "running") this.#progress(job);
    if (job.state === "queued") {
      put(this.step, job.position > 0 ? `Waiting, ${count(job.position, "photograph", "photographs")} before it` : "Waiting, it is next");
      put(this.left, job.estimate?.seconds ? `takes ${roughly(job.estimate.seconds)}` : "");
    }
    const preview = this.store.previews.get(job.id);
    if (job.state === "running" && preview && preview !== this.#preview) this.#showPreview(preview);
  }

  #progress(job) {
    const { progress } = job;
    put(this.step, step(progress));
    put(this.left, left(progress) ? `${left(progress)} left` : "");
    this.bar.value = Math.min(1, Math.max(0, progress?.fraction ?? 0));
    const quarter = Math.floor(percent(progress) / 25);
    if (quarter <= this.#saidQuarter) return;
    this.#saidQuarter = quarter;
    say(`${job.name}: ${quarter * 25} %`);
  }

  // A new state.

  #enter(job, last) {
    this.#state = job.state;
    this.element.dataset.state = job.state;
    this.live.hidden = hasEnded(job);
    if (job.state === "queued") this.bar.removeAttribute("value"); else this.bar.value = 0;
    this.bar.hidden = job.state === "queued";
    if (job.state === "done") this.#showResult(job, last === "running");
    else if (job.state !== "running") this.viewer.set("after", null);
    this.#fillActions(job);
    this.#fillNotes(job);
    this.#fillSettings(job);
  }

  #fillActions(job) {
    const button = (text, name, kind = "") => h("button", {
      type: "button", class: `button ${kind}`, onclick: () => this.dispatchEvent(new CustomEvent(name, { detail: this.#job })),
    }, text);
    const forget = button("Forget", "forget", "quiet");
    const reuse = button("Other settings", "reuse");
    const all = {
      queued: () => [button("Cancel", "cancel")], running: () => [button("Cancel", "cancel")],
      done: () => [forget, reuse, button("Download", "download", "primary")],
      failed: () => [forget, reuse, button("Try again", "retry", "primary")],
      cancelled: () => [forget, reuse, button("Restore it", "retry", "primary")],
    };
    const hadFocus = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...all[job.state]?.() ?? []);
    if (hadFocus) this.actions.lastElementChild?.focus();
  }

  #fillNotes(job) {
    const notes = [];
    if (job.state === "failed") {
      notes.push(h("div", { class: "note problem", role: "alert" }, h("strong", {}, sentence(job.error?.detail ?? "It failed, and the server does not say why.")), job.error?.advice && h("p", {}, job.error.advice)));
    }
    if (job.state === "cancelled") notes.push(h("p", { class: "note" }, "Cancelled before it was done."));
    if (job.nearlySharp) notes.push(h("p", { class: "note" }, "This photograph is nearly sharp: restoring may take detail from it. Compare before you keep the result."));
    for (const warning of job.warnings ?? []) notes.push(h("p", { class: "note" }, sentence(warning)));
    this.notes.replaceChildren(...notes);
  }

  #fillSettings(job) {
    const rows = [["Model", job.model], ...Object.entries(job.options ?? {}).map(([name, value]) => [name, String(value)]),
      ["Sent", moment(job.created)], job.ended && ["Ended", moment(job.ended)], job.result && ["Result", `${job.result.name}, ${bytes(job.result.bytes)}`]];
    this.settings.replaceChildren(...rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  }

  // Pictures.

  #address(side, isWhole = false) {
    const job = this.#job;
    const { format, width, height } = side === "before" ? job.input : job.result;
    return address(side === "before" ? job.links.input : job.links.result, format, width, height, isWhole);
  }

  /** Fetches a picture and shows it on a side where it is still wanted then; gives whether it was. */
  async #put(side, fetching, isWanted, label) {
    const round = this.#round;
    try {
      const blob = await fetching();
      if (round !== this.#round || !isWanted()) return false;
      const image = await decode(blob, `${this.#job.name}, ${side}`);
      if (round !== this.#round || !isWanted()) { release(image); return false; }
      this.viewer.set(side, image);
      if (label) this.viewer.label(label);
      return true;
    } catch {
      // Without a picture the rest is still of use.
      return false;
    }
  }

  async #showBefore(job) {
    await this.#put("before", () => getBlob(job.links.thumbnail), () => !this.viewer.has("before"));
    if (this.#job === null || job.id !== this.#job.id) return;
    await this.#put("before", () => getBlob(this.#address("before")), () => !this.#whole.before);
  }

  async #showResult(job, wasWatched) {
    const isShown = this.#put("after", () => getBlob(this.#address("after")), () => this.strip.chosen === "result" && !this.#whole.after, "After");
    this.strip.fill(job, isShown);
    if (await isShown && wasWatched) this.viewer.reveal();
  }

  /** Every pixel, once someone looks so closely that it matters. */
  async #lookCloser(side) {
    const isResult = () => this.#job?.state === "done" && this.strip.chosen === "result";
    if (this.#whole[side] || (side === "after" && !isResult())) return;
    this.#whole[side] = true;
    const isShown = await this.#put(side, () => getBlob(this.#address(side, true)), () => side === "before" || isResult(), side === "after" ? "After" : null);
    if (!isShown) this.#whole[side] = false;
  }

  async #showPreview(preview) {
    if (this.#isDecoding) return;
    this.#preview = preview;
    this.#isDecoding = true;
    await this.#put("after", async () => preview.blob, () => this.#job?.state === "running", `Step ${preview.step}`);
    this.#isDecoding = false;
    this.update();
  }

  async #choose(choice) {
    this.#whole.after = false;
    const isShown = await this.#put("after", choice.blob ? async () => choice.blob : () => getBlob(this.#address("after")), () => this.strip.chosen === choice.key, choice.label);
    if (isShown) say(`The right side shows: ${choice.label}`);
  }
}
