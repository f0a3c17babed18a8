// How photographs are restored: presets in plain words, and behind them every option that the server has.

import { h, put } from "./words.js";

/** What changes what a person sees afterwards, not the result; it stands beside the presets. */
const beside = ["explain"];

/** What a preset must not add to an option that was chosen by hand, since the server refuses both together. */
const excludes = { explain: ["only-if-blurred", "tiled", "forecast", "reuse"] };

/** What people may want; the rest is folded away once more. */
const common = ["model", "pos-prompt", "neg-prompt", "steps", "strength", "blend", "seed", "format", "jpeg-quality", "only-if-blurred"];

const titles = {
  "pos-prompt": "What the photograph shows", "neg-prompt": "What it should not look like", steps: "Steps", sampler: "Sampler", seed: "Seed", model: "Model",
  "better-start": "Start from the photograph", strength: "Strength", tiled: "Work in tiles", "tile-size": "Tile size", "tile-stride": "Tile distance", "tile-blend": "Tile edges",
  "g-scale": "Guidance strength", "g-start": "Guidance starts below", "g-stop": "Guidance stops above", "g-repeat": "Guidance repeats", format: "Format",
  spacing: "Spacing of steps", eta: "Randomness (eta)", rng: "Random numbers of", "rng-skip": "Random numbers to skip", "cuda-device": "CUDA device",
  "cfg-scale": "Weight of the prompt", "rescale-cfg": "Let that weight grow", "noise-aug": "Noise in what is seen",
  blend: "Mix with the photograph", "jpeg-quality": "JPEG quality", explain: "Show how it came about",
  "strip-metadata": "Leave out metadata", "only-if-blurred": "Leave sharp photographs alone",
  forecast: "Forecast steps", reuse: "Stages that are kept",
};
const title = (name) => titles[name] ?? name.replaceAll("-", " ").replace(/^./, (letter) => letter.toUpperCase());

/** Fires `change`. */
export class Options extends EventTarget {
  #presets;
  #models;
  #options;
  #preset;
  /** What was chosen by hand; null stands for the default over a preset's value. */
  #own = new Map();
  #model = null;
  #fields = new Map();
  #times = new Map();

  constructor(capabilities, models) {
    super();
    this.#models = models;
    this.#presets = capabilities.presets?.length ? capabilities.presets : [{ id: "standard", title: "Standard", help: "", options: {} }];
    // Presets are cards.
    this.#options = (capabilities.options ?? []).filter((option) => option.name !== "preset");
    this.#preset = (this.#presets.find((preset) => Object.keys(preset.options).length === 0) ?? this.#presets[0]).id;
    this.choice = h("fieldset", { class: "presets" }, h("legend", {}, "How carefully?"), h("div", {}, this.#presets.map((preset) => this.#card(preset))));
    this.beside = h("div", { class: "fields" }, this.#options.filter((option) => beside.includes(option.name)).map((option) => this.#field(option)));
    this.changed = h("span", { class: "changed" });
    this.reset = h("button", { class: "link", type: "button", hidden: true, onclick: () => this.#reset() }, "Undo all changes");
    const fields = (isCommon) => this.#options.filter((option) => common.includes(option.name) === isCommon && !beside.includes(option.name))
      .sort((a, b) => common.indexOf(a.name) - common.indexOf(b.name)).map((option) => this.#field(option));
    this.experts = h("details", {}, h("summary", {}, "For experts"), h("div", { class: "fields" }, fields(false)));
    this.details = h("details", { class: "options" }, h("summary", {}, "More options", this.changed),
      h("div", { class: "fields" }, models.length > 1 && this.#modelField(models), fields(true)), this.experts, this.reset);
    this.#refresh();
  }

  get presets() { return this.#presets.map((preset) => preset.id); }
  get preset() { return this.#preset; }

  /** The options to send, which are those that differ from the server's defaults. */
  values(id = this.#preset) {
    const values = { ...this.#presets.find((preset) => preset.id === id).options };
    for (const [name, value] of this.#own) {
      if (value === "true") for (const other of excludes[name] ?? []) delete values[other];
    }
    for (const [name, value] of this.#own) {
      if (value === null) delete values[name]; else values[name] = value;
    }
    for (const option of this.#options) {
      if (String(values[option.name]) === String(option.default)) delete values[option.name];
    }
    if (this.#model) values.model = this.#model;
    return values;
  }

  get #standardModel() { return this.#models.find((model) => model.default) ?? this.#models[0]; }

  /** Takes the options of an earlier job. */
  take(values, model) {
    this.#own = new Map(Object.entries(values));
    this.#model = this.#models.some((known) => known.id === model && known !== this.#standardModel) ? model : null;
    if (this.#fields.has("model")) this.#fields.get("model").value = this.#model ?? this.#standardModel.id;
    const standard = this.#presets.find((preset) => Object.keys(preset.options).length === 0);
    if (standard) this.#select(standard.id);
    this.#refresh();
  }

  /** Writes on each preset's card how long it will take. */
  setTime(id, text) { put(this.#times.get(id), text); }

  #card(preset) {
    const time = h("span", { class: "time" });
    this.#times.set(preset.id, time);
    const input = h("input", { type: "radio", name: "preset", value: preset.id, checked: preset.id === this.#preset, onchange: () => { this.#preset = preset.id; this.#refresh(); } });
    return h("label", { class: "preset" }, input, h("span", { class: "name" }, preset.title), time, h("span", { class: "help" }, preset.help ?? ""));
  }

  #select(id) {
    this.#preset = id;
    for (const input of this.choice.querySelectorAll("input")) input.checked = input.value === id;
  }

  #labelled(name, input, help) {
    const id = `option-${name}`;
    input.id = id;
    this.#fields.set(name, input);
    if (help) input.setAttribute("aria-describedby", `${id}-help`);
    const isFlag = input.type === "checkbox";
    const label = h("label", { for: id }, title(name));
    return h("div", { class: isFlag ? "field flag" : "field" }, isFlag ? [input, label] : [label, input], help && h("p", { class: "help", id: `${id}-help` }, help));
  }

  #modelField(models) {
    const standard = this.#standardModel;
    const select = h("select", {}, models.map((model) => h("option", { value: model.id, selected: model === standard }, model.id)));
    select.addEventListener("change", () => { this.#model = select.value === standard.id ? null : select.value; this.#refresh(); });
    return this.#labelled("model", select, "The network that restores.");
  }

  #field(option) {
    const input = this.#input(option);
    input.addEventListener("change", () => {
      const value = option.kind === "flag" ? String(input.checked) : input.value.trim();
      this.#own.set(option.name, value === "" || value === String(option.default) ? null : value);
      this.#refresh();
    });
    return this.#labelled(option.name, input, option.help);
  }

  #input(option) {
    const standard = option.default ?? "";
    switch (option.kind) {
      case "flag": return h("input", { type: "checkbox", checked: String(standard) === "true" });
      case "choice":
        return h("select", {}, !standard && h("option", { value: "" }, "as it comes"),
          (option.choices ?? []).map((choice) => h("option", { value: choice, selected: choice === standard ? "selected" : null }, choice)));
      case "integer":
      case "number":
        return h("input", {
          type: "number", inputmode: "decimal", step: option.kind === "integer" ? "1" : "any", placeholder: String(standard || "as it comes"),
          min: option.minimum === undefined || option.minimum === null ? null : String(option.minimum),
          max: option.maximum === undefined || option.maximum === null ? null : String(option.maximum),
        });
      default: return h("input", { type: "text", autocomplete: "off", placeholder: String(standard) });
    }
  }

  #reset() {
    for (const name of this.#own.keys()) if (!beside.includes(name)) this.#own.delete(name);
    this.#model = null;
    if (this.#fields.has("model")) this.#fields.get("model").value = this.#standardModel.id;
    this.#refresh();
    this.details.querySelector("summary").focus();
  }

  #refresh() {
    const values = this.values();
    for (const option of this.#options) {
      const input = this.#fields.get(option.name);
      const value = values[option.name];
      // Fields are empty at the default, which stands in them faintly; a choice has no such thing.
      const text = String(value ?? (option.kind === "choice" ? option.default : null) ?? "");
      // A model has steps of its own.
      if (option.name === "steps" && !option.default) input.placeholder = String((this.#models.find((model) => model.id === this.#model) ?? this.#standardModel)?.steps ?? "as it comes");
      if (option.kind === "flag") input.checked = String(value ?? option.default) === "true";
      else if (input.value !== text) input.value = text;
    }
    const number = [...this.#own].filter(([name, value]) => value !== null && !beside.includes(name)).length + (this.#model ? 1 : 0);
    put(this.changed, number ? ` · ${number} changed` : "");
    this.reset.hidden = number === 0;
    this.dispatchEvent(new Event("change"));
  }
}
