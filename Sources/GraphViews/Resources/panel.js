// The side panel: all that is known of the selected node or block.

function facts(...pairs) {
  const list = h("dl", { class: "facts" });
  for (const pair of pairs) {
    if (!pair || pair[1] === undefined || pair[1] === null) continue;
    list.append(h("dt", {}, pair[0]), h("dd", { class: pair[2] || "" }, pair[1]));
  }
  return list.children.length ? list : null;
}

/** A dotted name that may break behind its dots. */
function dotted(text) {
  return text.split(/(?<=\.)/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
}

function section(title, ...content) {
  const filled = content.flat().filter(Boolean);
  return filled.length ? [h("h3", {}, title), ...filled] : [];
}

function linkTo(app, pane, item, label) {
  return h("button", { class: "link", onclick: () => app.goTo(pane, item) }, dotted(label || item.name));
}

/** A list that shows the first of many and the rest on demand. */
function longList(rows, limit = 12) {
  const list = h("ul", { class: "list" }, rows.slice(0, limit));
  if (rows.length <= limit) return list;
  const more = h("button", { class: "button", onclick: () => { list.append(...rows.slice(limit)); more.remove(); } }, `${rows.length - limit} more`);
  return [list, more];
}

function familyStrip(totals) {
  return h("div", { class: "strip" }, Object.keys(families).filter((family) => totals.families[family]).map((family) =>
    h("div", { style: { background: `var(--${family})`, flex: String(totals.families[family]) }, title: `${families[family]}: ${totals.families[family]}` })));
}

function costFacts(totals, cost, seconds) {
  return facts(
    ["Work", format.flop(totals.flop)],
    ["Weights read", format.bytes(totals.weightBytes)],
    cost ? ["Values read", format.bytes(cost.readBytes)] : null,
    cost ? ["Values written", format.bytes(cost.writtenBytes)] : ["Values moved", format.bytes(totals.bytes - totals.weightBytes)],
    totals.bytes > 0 ? ["Work for each byte", (totals.flop / totals.bytes).toFixed(1)] : null,
    seconds ? ["Time", format.seconds(seconds)] : null,
    seconds && totals.flop ? ["Speed", format.flopRate(totals.flop / seconds)] : null,
    seconds && totals.bytes ? ["Traffic", format.byteRate(totals.bytes / seconds)] : null);
}

function renderPanel(app) {
  const panel = document.getElementById("panel");
  const { pane, target } = app.selection;
  panel.scrollTop = 0;
  delete panel.dataset.selected;
  if (!target) { panel.replaceChildren(...overviewPanel(app)); return; }
  panel.dataset.selected = target instanceof Scope ? target.path : target.name;
  panel.replaceChildren(...(target instanceof Scope ? scopePanel(app, pane, target) : itemPanel(app, pane, target)).flat(3).filter(Boolean));
}

function overviewPanel(app) {
  const model = app.panes[app.panes.length - 1].model;
  const { doc } = model;
  const keys = [["/", "search"], ["wheel", "zoom"], ["drag, arrows", "move"], ["double-click, Enter", "fold or unfold"], ["f", "fit"],
    ["b", "fold to blocks"], ["u", "unfold all"], ["n, p", "next reader, maker"], ["Backspace", "the block around"]];
  return [
    h("h2", {}, doc.name),
    h("p", { class: "note" }, "Select a node or a block to see what it is, what it costs and where it comes from."),
    ...section("Graph", familyStrip(model.root.totals), facts(
      ["Ops", format.count(doc.nodes.length)], ["Parameters", format.count(doc.parameters.length) + " tensors"]), costFacts(model.root.totals, null, model.root.totals.seconds)),
    ...section("Inputs", h("ul", { class: "list" }, doc.inputs.map((input) => h("li", {}, h("span", { class: "code" }, input.name), h("div", { class: "under" }, format.type(input.type)))))),
    ...section("Outputs", longList(doc.outputs.map((output) => h("li", {}, h("span", { class: "code" }, output.name))), 8)),
    ...section("Keys", facts(...keys.map(([key, action]) => [key, action]))),
  ];
}

function scopePanel(app, pane, scope) {
  const kinds = new Map();
  const keys = new Set();
  (function walk(inner) {
    for (const item of inner.nodes) {
      if (!item.node) continue;
      const kind = kinds.get(item.node.op) || { op: item.node.op, family: item.node.family, count: 0, flop: 0, seconds: 0 };
      kind.count += 1;
      kind.flop += item.node.cost.flop;
      kind.seconds += item.node.seconds || 0;
      kinds.set(item.node.op, kind);
      for (const key of item.keys) keys.add(key);
    }
    for (const child of inner.children.values()) walk(child);
  })(scope);
  const rows = [...kinds.values()].sort((a, b) => b.seconds - a.seconds || b.flop - a.flop || b.count - a.count);
  return [
    h("h2", {}, scope.label || pane.model.doc.name),
    h("div", { class: "path" }, scope.path),
    familyStrip(scope.totals),
    h("div", { class: "actions" },
      h("button", { class: "button", onclick: () => { pane.toggle(scope); renderPanel(app); } }, scope.open ? "Fold" : "Unfold"),
      h("button", { class: "button", onclick: () => { for (const inner of pane.model.scopes(scope)) inner.open = true; pane.relayout(scope); renderPanel(app); } }, "Unfold all in it"),
      h("button", { class: "button", onclick: () => pane.centerOn(scope) }, "Centre")),
    ...section("Cost", facts(["Ops", format.count(scope.totals.count)]), costFacts(scope.totals, null, scope.totals.seconds)),
    ...section("Kinds of op", facts(...rows.map((row) => [
      h("span", {}, h("i", { style: { display: "inline-block", width: "9px", height: "9px", borderRadius: "3px", marginRight: "7px", background: `var(--${row.family})` } }), row.op),
      `${row.count} · ` + (row.seconds ? format.seconds(row.seconds) : format.flop(row.flop)),
    ]))),
    ...section("Parameters", keyList(pane.model, [...keys])),
  ];
}

function keyList(model, keys) {
  if (!keys.length) return null;
  return longList(keys.map((key) => h("li", {}, h("span", { class: "code" }, dotted(key)),
    h("div", { class: "under" }, model.parameterTypes.has(key) ? format.type(model.parameterTypes.get(key)) : ""))));
}

function itemPanel(app, pane, item) {
  const { model } = pane;
  const other = app.panes.find((candidate) => candidate !== pane);
  const links = (items) => longList(items.map((next) => h("li", {}, linkTo(app, pane, next), h("div", { class: "under" },
    (next.node ? next.node.op : next.kind) + (next.type ? "  " + format.type(next.type) : "")))));
  const related = other ? model.related(item, other.model) : [];
  const relation = other && section(model.index === 0 ? `Became, ${other.model.doc.stage}` : `Made from, ${other.model.doc.stage}`,
    related.length ? longList(related.map((next) => h("li", {}, linkTo(app, other, next), h("div", { class: "under" }, next.node ? next.node.op : next.kind)))) : h("p", { class: "note" }, model.index === 0 ? "Nothing: it was removed." : "Nothing: it was added."));
  const { node } = item;
  if (!node) {
    return [
      h("h2", {}, item.label), h("div", { class: "path" }, item.kind), ...section("Type", item.type && h("div", { class: "code" }, format.type(item.type))),
      ...section(item.kind === "input" ? "Read by" : "Made by", links(item.kind === "input" ? item.consumers : item.producers)),
    ];
  }
  const operands = node.operands.map((operand) => {
    const isKey = operand.parameter !== undefined;
    const type = isKey ? model.parameterTypes.get(operand.parameter) : model.types.get(operand.value);
    const producer = isKey ? null : model.byValue.get(operand.value);
    return h("li", {},
      producer ? linkTo(app, pane, producer, "%" + operand.value) : h("span", { class: "code" }, dotted("@" + operand.parameter)),
      h("div", { class: "under" }, type ? format.type(type) : ""));
  });
  const attributes = Object.keys(node.attributes).map((key) => [key, format.attribute(node.attributes[key]), "code"]);
  const missing = node.origins.filter((origin) => !other || !other.model.byValue.has(origin));
  return [
    h("h2", {}, h("i", { style: { background: `var(--${node.family})` } }), node.op),
    h("div", { class: "path" }, item.name),
    h("div", { class: "chips" }, node.isView && h("span", { class: "chip" }, "a view: nothing runs"), node.origins.length > 1 && h("span", { class: "chip" }, `does the work of ${node.origins.length} nodes`)),
    ...section("Attributes", facts(...attributes)),
    ...section(node.results.length > 1 ? "Results" : "Result", h("ul", { class: "list" }, node.results.map((result) =>
      h("li", {}, h("span", { class: "code" }, dotted("%" + result.name)), h("div", { class: "under" }, format.type(result.type)))))),
    ...section("Operands", longList(operands, 16)),
    ...section("Cost", costFacts(item.totals, node.cost, node.seconds)),
    ...section("Schedule", facts(
      ["Step", node.step === undefined ? null : String(node.step)], ["Kernel", node.kernel, "code"],
      ["Scratch", node.scratchBytes === undefined ? null : format.bytes(node.scratchBytes)], ["Calls", node.calls === undefined ? null : format.count(node.calls)])),
    ...(relation || []),
    ...(missing.length ? section("Origins", longList(missing.map((origin) => h("li", { class: "code" }, dotted(origin))))) : []),
    ...section("Read by", item.consumers.length ? links(item.consumers) : h("p", { class: "note" }, "Nothing.")),
  ];
}
