// What the right side can show of a restored photograph: the result, the guidance at some steps (the paper's figure 13), and the blur map.

import { getBlob } from "./api.js";
import { draw } from "./pictures.js";
import { h } from "./words.js";

/** Fires `choose` with a choice: `{ key, label, blob }`; the result has no blob of its own here. */
export class Strip extends EventTarget {
  chosen = "result";
  #round = 0;

  constructor() {
    super();
    this.list = h("div", { class: "choices", role: "group", "aria-label": "What the right side shows" });
    this.element = h("div", { class: "strip", hidden: true }, this.list,
      h("p", { class: "help" }, "The steps show what the model took from the photograph on its way, its guidance. The blur map shows where things moved: direction as colour, length as brightness."));
  }

  clear() {
    this.#round += 1;
    this.chosen = "result";
    this.element.hidden = true;
    this.list.replaceChildren();
  }

  /** Makes room at once and fills in the pictures one after the other when `result` is there; of each only a small one is kept decoded. */
  async fill(job, result) {
    this.clear();
    const round = this.#round;
    // Only jobs that asked for an explanation have more than a result.
    if (!job.guidance?.length && !job.links.blurMap) return;
    const guidance = (job.guidance ?? []).map((step) => ({
      key: `guidance-${step}`, caption: `Step ${step}`, label: `Guidance at step ${step}`, path: job.links.guidance.replace("{step}", step),
    }));
    const choices = [
      { key: "result", caption: "Result", label: "After", path: `${job.links.result}?format=jpeg&max=320` }, ...guidance,
      job.links.blurMap && { key: "blur-map", caption: "Blur map", label: "Blur map", path: job.links.blurMap },
    ].filter(Boolean);
    for (const choice of choices) {
      const canvas = h("canvas", { width: 96, height: 72, "aria-hidden": "true" });
      choice.button = h("button", { type: "button", "aria-pressed": String(choice.key === "result"), onclick: () => this.#choose(choice) }, canvas, h("span", {}, choice.caption));
      this.list.append(choice.button);
      choice.canvas = canvas;
    }
    this.element.hidden = false;
    await result;
    for (const choice of choices) {
      if (round !== this.#round) return;
      try {
        const blob = await getBlob(choice.path);
        if (round !== this.#round) return;
        await draw(choice.canvas, blob, 192);
        if (choice.key !== "result") choice.blob = blob;
      } catch {
        // Not every model has each of them.
        if (choice.key !== "result") choice.button.remove();
      }
    }
  }

  #choose(choice) {
    if (choice.key !== "result" && !choice.blob) return;
    this.chosen = choice.key;
    for (const button of this.list.children) button.setAttribute("aria-pressed", String(button === choice.button));
    this.dispatchEvent(new CustomEvent("choose", { detail: choice }));
  }
}
