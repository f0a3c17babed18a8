// The page: tabs, search, selection, and the address that says what is shown (#tab=memory, #search=NAME, #select=NAME, ...).

class App {
  constructor() {
    this.color = "family";
    this.selection = { pane: null, target: null };
    const models = payload.graphs.map((doc, index) => new GraphModel(doc, index));
    palette.read();
    this.panes = models.map((model) => new GraphPane(this, model, models.length > 1));
    this.main = this.panes[this.panes.length - 1];
    this.shown = this.panes.length > 1 ? "both" : "after";
    this.tabs = { graph: "Graph", summary: "Summary" };
    if (payload.passes.length || payload.rewrites.length) this.tabs.passes = "Passes";
    if (payload.memory) this.tabs.memory = "Memory";
    if (this.main.model.doc.nodes.some((node) => node.step !== undefined || node.seconds !== undefined)) this.tabs.schedule = "Schedule";
    this.rendered = new Set();
    this.build();
  }

  build() {
    const { doc } = this.main.model;
    document.getElementById("title").textContent = payload.title;
    document.getElementById("subtitle").textContent = this.panes.map((pane) => pane.model.doc.stage).join(" → ") + ` · ${format.count(doc.nodes.length)} ops · ${format.flop(this.main.model.root.totals.flop)}`;
    // Wide pictures lie one above the other, tall ones side by side.
    const { layout } = this.main;
    document.getElementById("panes").classList.toggle("stacked", layout.width > 1.3 * layout.height);
    document.getElementById("panes").replaceChildren(...this.panes.map((pane) => pane.element));
    document.getElementById("tabs").replaceChildren(...Object.entries(this.tabs).map(([key, label]) =>
      h("button", { role: "tab", id: "button-" + key, "aria-controls": "tab-" + key, onclick: () => { this.showTab(key); this.remember(); } }, label)));
    this.buildToolbar();
    this.buildSearch();
    const theme = document.getElementById("theme");
    theme.addEventListener("click", () => this.setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
    addEventListener("hashchange", () => this.readAddress());
    addEventListener("keydown", (event) => {
      const isTyping = /^(input|select|textarea)$/i.test(event.target.tagName);
      if (event.key === "/" && !isTyping) { event.preventDefault(); document.getElementById("search").focus(); }
    });
    this.setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    this.showTab("graph");
    this.showPanes();
    renderPanel(this);
  }

  get lastShown() { return this.shown === "before" ? this.panes[0] : this.main; }

  buildToolbar() {
    const modes = Object.entries(colorModes).filter(([key]) => key !== "seconds" || this.main.model.hasTimes);
    this.colorSelect = h("select", { onchange: (event) => this.setColor(event.target.value) }, modes.map(([key, mode]) => h("option", { value: key }, mode.label)));
    const each = (action) => () => this.panes.forEach(action);
    this.segments = h("div", { class: "segments" }, [["before", this.panes[0].model.doc.stage], ["both", "both"], ["after", this.main.model.doc.stage]].map(([key, label]) =>
      h("button", { "data-show": key, onclick: () => { this.shown = key; this.showPanes(); } }, label)));
    document.getElementById("toolbar").replaceChildren(...[
      this.panes.length > 1 && this.segments,
      h("label", {}, "Colour by", this.colorSelect),
      h("span", { class: "gap" }),
      h("button", { onclick: each((pane) => pane.fit()), title: "f" }, "Fit"),
      h("button", { onclick: each((pane) => pane.foldToBlocks()), title: "b" }, "Blocks"),
      h("button", { onclick: each((pane) => pane.setAllOpen(false)) }, "Fold all"),
      h("button", { onclick: each((pane) => pane.setAllOpen(true)), title: "u" }, "Unfold all"),
      h("button", { onclick: () => document.getElementById("tab-graph").classList.toggle("wide"), title: "Show or hide the side panel" }, "Panel"),
    ].filter(Boolean));
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    document.getElementById("theme").textContent = theme === "dark" ? "☀" : "☾";
    palette.read();
    this.panes.forEach((pane) => pane.draw());
    if (this.chart) this.chart.draw();
  }

  setColor(color) {
    if (!colorModes[color]) return;
    this.color = color;
    this.colorSelect.value = color;
    this.panes.forEach((pane) => { pane.updateLegend(); pane.draw(); });
    this.remember();
  }

  showPanes() {
    if (this.panes.length > 1) {
      this.panes[0].element.hidden = this.shown === "after";
      this.panes[1].element.hidden = this.shown === "before";
    }
    for (const button of this.segments.children) button.setAttribute("aria-pressed", String(button.dataset.show === this.shown));
    this.panes.forEach((pane) => { pane.updateLegend(); pane.resize(); });
  }

  showTab(key) {
    if (!this.tabs[key]) return;
    this.tab = key;
    for (const name of Object.keys(this.tabs)) {
      document.getElementById("tab-" + name).hidden = name !== key;
      document.getElementById("button-" + name).setAttribute("aria-selected", String(name === key));
    }
    hideTip();
    if (this.rendered.has(key)) return;
    this.rendered.add(key);
    const page = document.getElementById("tab-" + key);
    if (key === "summary") renderSummary(this, page);
    if (key === "passes") renderPasses(this, page);
    if (key === "schedule") renderSchedule(this, page);
    if (key === "memory") {
      const steps = [];
      for (const item of this.main.model.items) if (item.node && item.node.step !== undefined) steps[item.node.step] = item;
      this.chart = new MemoryChart(this, payload.memory, steps);
      this.chart.render(page);
    }
  }

  // Selection.

  select(pane, target) {
    this.selection = { pane: target ? pane : null, target };
    for (const each of this.panes) {
      each.selected = each === pane ? target : null;
      each.related = new Set(each !== pane && target && !(target instanceof Scope) ? pane.model.related(target, each.model) : []);
      each.draw();
      if (each.related.size && each.isShown) each.centerOn(each.related.values().next().value, true);
    }
    renderPanel(this);
    this.remember();
  }

  /** Shows an item wherever it is: the graph's tab, its pane, all blocks around it unfolded, and in the middle. */
  goTo(pane, item) {
    this.showTab("graph");
    if (pane.element.hidden) { this.shown = "both"; this.showPanes(); }
    if (!(item instanceof Scope) && pane.model.reveal(item)) pane.relayout();
    this.select(pane, item);
    pane.centerOn(item);
  }

  goToValue(name) {
    const item = this.main.model.byValue.get(name);
    if (item) this.goTo(this.main, item);
  }

  selectParent(pane) {
    const { selected } = pane;
    const scope = selected instanceof Scope ? selected.parent : selected && selected.scope;
    if (scope && scope !== pane.model.root) { this.select(pane, scope); pane.centerOn(scope, true); }
  }

  selectNeighbor(pane, direction) {
    const { selected } = pane;
    if (selected && !(selected instanceof Scope) && selected[direction].length) this.goTo(pane, selected[direction][0]);
  }

  // Search.

  buildSearch() {
    const input = document.getElementById("search");
    const list = document.getElementById("hits");
    let hits = [];
    let current = 0;
    const close = () => { list.hidden = true; };
    const open = (index) => {
      const item = hits[index];
      if (!item) return;
      close();
      this.goTo(this.panes[item.model.index], item);
      this.panes[item.model.index].canvas.focus({ preventScroll: true });
    };
    const mark = () => [...list.querySelectorAll("button")].forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === current));
      if (index === current) button.scrollIntoView({ block: "nearest" });
    });
    const update = () => {
      const all = searchItems(this.panes.map((pane) => pane.model), input.value);
      hits = all.slice(0, 40);
      current = 0;
      list.hidden = !input.value.trim();
      list.replaceChildren(...hits.map((item, index) => h("button", { role: "option", tabindex: "-1", onmousedown: (event) => { event.preventDefault(); open(index); } },
        h("div", { class: "name" }, item.name),
        h("div", { class: "what" }, [item.node ? item.node.op : item.kind, item.type && format.type(item.type), this.panes.length > 1 && item.model.doc.stage].filter(Boolean).join("  ·  ")))),
        h("div", { class: "more" }, all.length > hits.length ? `${format.count(all.length - hits.length)} more` : all.length ? "" : "Nothing has that in its name, op or keys."));
      mark();
    };
    input.addEventListener("input", update);
    input.addEventListener("focus", () => { if (input.value.trim()) update(); });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        current = Math.max(0, Math.min(hits.length - 1, current + (event.key === "ArrowDown" ? 1 : -1)));
        mark();
      } else if (event.key === "Enter") open(current);
      else if (event.key === "Escape") { close(); input.blur(); }
    });
  }

  // The address.

  remember() {
    if (this.reading) return;
    const { pane, target } = this.selection;
    const parts = [];
    if (this.tab !== "graph") parts.push("tab=" + this.tab);
    if (this.color !== "family") parts.push("color=" + this.color);
    if (target) parts.push("select=" + encodeURIComponent(target instanceof Scope ? target.path : target.name));
    if (target && this.panes.length > 1) parts.push("in=" + pane.model.doc.stage);
    try { history.replaceState(null, "", "#" + parts.join("&")); } catch { /* Some places that a file is opened in have no history. */ }
  }

  readAddress() {
    const values = {};
    for (const part of location.hash.slice(1).split("&")) {
      const [key, ...rest] = part.split("=");
      try { values[key] = decodeURIComponent(rest.join("=")); } catch { /* Not an address of ours. */ }
    }
    this.reading = true;
    if (values.theme) this.setTheme(values.theme === "dark" ? "dark" : "light");
    if (values.show && ["before", "both", "after"].includes(values.show)) { this.shown = values.show; this.showPanes(); }
    if (values.color) this.setColor(values.color);
    if (values.open === "all") this.panes.forEach((pane) => pane.setAllOpen(true));
    if (values.open === "none") this.panes.forEach((pane) => pane.setAllOpen(false));
    if (values.search) {
      document.getElementById("search").value = values.search;
      const item = searchItems(this.panes.map((pane) => pane.model), values.search, 1)[0];
      document.documentElement.dataset.found = item ? item.name : "";
      if (item) this.goTo(this.panes[item.model.index], item);
    }
    if (values.select) {
      const pane = this.panes.find((candidate) => candidate.model.doc.stage === values.in) || this.main;
      const scope = [...pane.model.scopes()].find((candidate) => candidate.path === values.select && candidate !== pane.model.root);
      const item = pane.model.byValue.get(values.select) || pane.model.items.find((candidate) => candidate.name === values.select);
      if (item) this.goTo(pane, item);
      else if (scope) {
        for (let around = scope.parent; around; around = around.parent) around.open = true;
        if (values.open === "it") scope.open = true;
        pane.relayout();
        this.goTo(pane, scope);
      }
    }
    if (values.tab) this.showTab(values.tab);
    this.reading = false;
  }
}

function fail(message) {
  document.documentElement.dataset.error = message;
  document.querySelector("main").prepend(h("div", { class: "failure" }, "This page hit an error of its own:\n" + message));
}

addEventListener("error", (event) => fail(event.message));
try {
  const app = new App();
  app.readAddress();
  document.documentElement.dataset.ready = "yes";
} catch (error) {
  fail(String(error && error.stack || error));
}
