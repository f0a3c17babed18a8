// The tabs that are tables: summary, passes, schedule.

/**
 * A table that sorts by its columns. A column has a title, a value to sort by, and content to show.
 */
function sortableTable(columns, rows, { onrow, limit = 400, sortBy, descending = true } = {}) {
  const state = { column: columns.find((column) => column.title === sortBy), descending };
  const body = h("tbody");
  let shown = limit;
  const more = h("button", { class: "button", style: { margin: "10px 14px" }, onclick: () => { shown = Infinity; fill(); } });
  const heads = columns.map((column) => h("th", {
    class: "sortable" + (column.left ? " left" : ""), tabindex: "0", title: column.help,
    onclick: () => sort(column), onkeydown: (event) => { if (event.key === "Enter") sort(column); },
  }, column.title));
  function sort(column) {
    state.descending = state.column === column ? !state.descending : !column.left;
    state.column = column;
    fill();
  }
  function fill() {
    heads.forEach((head, index) => {
      const isSorted = columns[index] === state.column;
      head.textContent = columns[index].title + (isSorted ? (state.descending ? " ↓" : " ↑") : "");
      head.setAttribute("aria-sort", isSorted ? (state.descending ? "descending" : "ascending") : "none");
    });
    const sorted = [...rows];
    if (state.column) {
      const { value } = state.column;
      sorted.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const order = typeof x === "string" ? x.localeCompare(y) : (x ?? -Infinity) - (y ?? -Infinity);
        return state.descending ? -order : order;
      });
    }
    body.replaceChildren(...sorted.slice(0, shown).map((row) => h("tr", { class: onrow ? "rows" : "", onclick: onrow && (() => onrow(row)) },
      columns.map((column) => h("td", { class: column.left ? "left" + (column.code ? " code" : "") : "" }, column.show ? column.show(row) : column.value(row))))));
    more.hidden = sorted.length <= shown;
    more.textContent = `Show ${sorted.length - shown} more`;
  }
  fill();
  return {
    element: h("div", { class: "sheet" }, h("table", {}, h("thead", {}, h("tr", {}, heads)), body), more),
    setRows(next) { rows = next; fill(); },
  };
}

const orDash = (value, show) => (value ? show(value) : "–");
const familyDot = (family) => h("span", { class: "dot", style: { background: `var(--${family})` } });

function bar(share) { return share > 0 && h("span", { class: "bar", style: { width: Math.max(1, 90 * share) + "px" } }) || ""; }

function renderSchedule(app, page) {
  const { model } = app.main;
  const items = model.items.filter((item) => item.node && (item.node.step !== undefined || item.node.seconds !== undefined));
  items.sort((a, b) => (a.node.step ?? a.id) - (b.node.step ?? b.id));
  const total = model.root.totals.seconds;
  const longest = Math.max(0, ...items.map((item) => item.node.seconds || 0));
  const mostWork = Math.max(0, ...items.map((item) => item.totals.flop));
  const dash = "–";
  const columns = [
    { title: "step", value: (item) => item.node.step ?? item.id },
    { title: "node", left: true, code: true, value: (item) => item.name, show: (item) => [familyDot(item.node.family), item.name] },
    { title: "op", left: true, value: (item) => item.node.op },
    { title: "kernel", left: true, code: true, value: (item) => item.node.kernel || "" },
    model.hasTimes && { title: "time", value: (item) => item.node.seconds, show: (item) => item.node.seconds === undefined ? dash : format.seconds(item.node.seconds) },
    model.hasTimes && { title: "share", value: (item) => item.node.seconds, show: (item) => [bar(longest ? (item.node.seconds || 0) / longest : 0), " " + format.share(item.node.seconds || 0, total)] },
    { title: "work", value: (item) => item.totals.flop, show: (item) => [model.hasTimes ? "" : bar(mostWork ? item.totals.flop / mostWork : 0), " " + orDash(item.totals.flop, format.flop)] },
    model.hasTimes && { title: "speed", value: (item) => item.node.seconds ? item.totals.flop / item.node.seconds : 0, show: (item) => item.node.seconds && item.totals.flop ? format.flopRate(item.totals.flop / item.node.seconds) : dash },
    { title: "bytes", value: (item) => item.totals.bytes, show: (item) => format.bytes(item.totals.bytes), help: "weights and values read, values written" },
    model.hasTimes && { title: "traffic", value: (item) => item.node.seconds ? item.totals.bytes / item.node.seconds : 0, show: (item) => item.node.seconds ? format.byteRate(item.totals.bytes / item.node.seconds) : dash },
    { title: "scratch", value: (item) => item.node.scratchBytes || 0, show: (item) => item.node.scratchBytes ? format.bytes(item.node.scratchBytes) : dash },
  ].filter(Boolean);
  const table = sortableTable(columns, items, { onrow: (item) => app.goTo(app.main, item), sortBy: "step", descending: false });
  const count = h("span");
  const filter = h("input", {
    type: "search", placeholder: "Filter by name, op, kernel", "aria-label": "Filter", oninput: () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const kept = items.filter((item) => { const text = `${item.name} ${item.node.op} ${item.node.kernel || ""}`.toLowerCase(); return words.every((word) => text.includes(word)); });
      table.setRows(kept);
      describe(kept);
    },
  });
  function describe(kept) {
    const seconds = kept.reduce((sum, item) => sum + (item.node.seconds || 0), 0);
    count.textContent = `${format.count(kept.length)} steps, ${format.flop(kept.reduce((sum, item) => sum + item.totals.flop, 0))}` + (seconds ? `, ${format.seconds(seconds)}` : "");
  }
  describe(items);
  const views = model.doc.nodes.filter((node) => node.isView).length;
  page.replaceChildren(
    h("h2", {}, "Schedule"),
    h("p", { class: "lead" }, `The kernels that run, in order. ${views ? format.count(views) + " views need no step." : ""} Select a row to see the node in the graph.`),
    h("div", { class: "filter" }, filter, count), table.element);
}

function renderPasses(app, page) {
  const { passes, rewrites } = payload;
  const total = passes.reduce((sum, pass) => sum + pass.seconds, 0);
  const change = (removed) => (removed > 0 ? "−" + format.count(removed) : removed < 0 ? "+" + format.count(-removed) : "0");
  const most = Math.max(0, ...passes.map((pass) => pass.rewrites));
  const rows = passes.map((pass, index) => h("tr", { class: pass.rewrites ? "" : "idle" },
    h("td", {}, String(index + 1)), h("td", { class: "left code" }, pass.name), h("td", {}, String(pass.runs)), h("td", {}, format.count(pass.matches)),
    h("td", {}, bar(most ? pass.rewrites / most : 0), " " + format.count(pass.rewrites)),
    h("td", { style: { color: pass.nodesRemoved > 0 ? "var(--add)" : pass.nodesRemoved < 0 ? "var(--remove)" : "" } }, change(pass.nodesRemoved)),
    h("td", {}, format.seconds(pass.seconds)), h("td", { class: "left wrap" }, pass.summary)));
  const byPass = new Map();
  for (const rewrite of rewrites) {
    if (!byPass.has(rewrite.pass)) byPass.set(rewrite.pass, []);
    byPass.get(rewrite.pass).push(rewrite);
  }
  const card = (value, label) => h("div", { class: "card" }, h("b", {}, value), h("span", {}, label));
  const counts = app.panes.map((pane) => format.count(pane.model.doc.nodes.length)).join(" → ");
  page.replaceChildren(
    h("div", { class: "cards" },
      card(counts, "nodes"), card(format.count(passes.reduce((sum, pass) => sum + pass.rewrites, 0)), "rewrites"),
      card(`${passes.filter((pass) => pass.rewrites).length} of ${passes.length}`, "passes that changed something"), card(format.seconds(total), "time")),
    h("div", { class: "sheet" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "#"), h("th", { class: "left" }, "pass"), h("th", {}, "runs"), h("th", {}, "matches"), h("th", {}, "rewrites"), h("th", {}, "nodes"), h("th", {}, "time"), h("th", { class: "left" }, "what it does"))),
      h("tbody", {}, rows))),
    ...(byPass.size ? [h("h2", {}, "Rewrites"), h("div", { class: "sheet" }, [...byPass].map(([pass, list], index) => rewriteGroup(app, pass, list, index === 0)))] : []));
}

const shapeOf = (rewrite) => runs(rewrite.before.map((node) => node.op)) + " → " + runs(rewrite.after.map((node) => node.op));

/** The rewrites of one pass, made into elements only when they are opened. */
function rewriteGroup(app, pass, list, byDefault) {
  const counts = new Map();
  for (const rewrite of list) counts.set(shapeOf(rewrite), (counts.get(shapeOf(rewrite)) || 0) + 1);
  const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3);
  const group = h("details", {}, h("summary", {}, pass, h("span", { class: "chip" }, list.length === 1 ? "1 rewrite" : `${format.count(list.length)} rewrites`),
    common.map(([shape, count]) => h("span", { class: "chip" }, counts.size > 1 ? `${count} × ` : "", shape)),
    counts.size > 3 && h("span", { class: "chip" }, `${counts.size - 3} other kinds`)));
  group.addEventListener("toggle", () => {
    if (!group.open || group.children.length > 1) return;
    const element = (rewrite) => h("div", { class: "rewrite" },
      rewrite.before.map((node) => h("div", { class: "minus" }, rewriteLine(app, node, app.panes[0]))),
      rewrite.after.map((node) => h("div", { class: "plus" }, rewriteLine(app, node, app.main))));
    group.append(...list.slice(0, 40).map(element));
    if (list.length > 40) {
      const more = h("button", { class: "button", style: { marginBottom: "12px" }, onclick: () => { more.replaceWith(...list.slice(40).map(element)); } }, `${list.length - 40} more`);
      group.append(more);
    }
  });
  group.open = byDefault;
  return group;
}

/** A node of a rewrite: as it stands in that stage's graph, with a way to it, or only its name where a later rewrite took it. */
function rewriteLine(app, node, pane) {
  if (node.op === "parameter") return "@" + node.name;
  const item = pane.model.byValue.get(node.name);
  if (!item || !item.node || item.node.op !== node.op) return `%${node.name} = ${node.op}(…)`;
  const operands = item.node.operands.map((operand) => (operand.parameter === undefined ? "%" + operand.value : "@" + operand.parameter)).join(", ");
  const attributes = Object.keys(item.node.attributes).length ? " " + format.attribute(item.node.attributes) : "";
  return [h("button", { class: "link", onclick: () => app.goTo(pane, item) }, "%" + node.name), ` = ${node.op}(${operands})${attributes}`];
}

function renderSummary(app, page) {
  const before = app.panes.length > 1 ? app.panes[0].model : null;
  const { model } = app.main;
  const { totals } = model.root;
  const card = (value, label) => h("div", { class: "card" }, h("b", {}, value), h("span", {}, label));
  const bytesOf = (type) => type.shape.reduce((a, b) => a * b, 1) * ({ f64: 8, i64: 8, f32: 4, i32: 4, f16: 2, bf16: 2, i16: 2 }[type.element] || 1);
  const weights = model.doc.parameters.reduce((sum, parameter) => sum + bytesOf(parameter.type), 0);
  const kinds = new Map();
  const kind = (node) => {
    if (!kinds.has(node.op)) kinds.set(node.op, { op: node.op, family: node.family, before: 0, count: 0, flop: 0, weightBytes: 0, bytes: 0, seconds: 0 });
    return kinds.get(node.op);
  };
  if (before) for (const node of before.doc.nodes) kind(node).before += 1;
  for (const node of model.doc.nodes) {
    const row = kind(node);
    row.count += 1;
    row.flop += node.cost.flop;
    row.weightBytes += node.cost.weightBytes;
    row.bytes += node.cost.readBytes + node.cost.writtenBytes;
    row.seconds += node.seconds || 0;
  }
  const most = Math.max(0, ...[...kinds.values()].map((row) => model.hasTimes ? row.seconds : row.flop));
  const kindTable = sortableTable([
    { title: "op", left: true, code: true, value: (row) => row.op, show: (row) => [familyDot(row.family), row.op] },
    before && { title: before.doc.stage, value: (row) => row.before, show: (row) => format.count(row.before) },
    { title: before ? model.doc.stage : "nodes", value: (row) => row.count, show: (row) => format.count(row.count) },
    { title: "work", value: (row) => row.flop, show: (row) => orDash(row.flop, format.flop) },
    { title: "weights read", value: (row) => row.weightBytes, show: (row) => orDash(row.weightBytes, format.bytes) },
    { title: "values moved", value: (row) => row.bytes, show: (row) => orDash(row.bytes, format.bytes) },
    model.hasTimes && { title: "time", value: (row) => row.seconds, show: (row) => orDash(row.seconds, format.seconds) },
    { title: "share", left: true, value: (row) => model.hasTimes ? row.seconds : row.flop, show: (row) => { const [part, all] = model.hasTimes ? [row.seconds, totals.seconds] : [row.flop, totals.flop]; return part ? [bar(most ? part / most : 0), " " + format.share(part, all)] : ""; } },
  ].filter(Boolean), [...kinds.values()], { sortBy: "share" });
  const largest = model.items.filter((item) => item.node && !item.node.isView).map((item) => ({ item, bytes: Math.max(...item.node.results.map((result) => bytesOf(result.type))) }))
    .sort((a, b) => b.bytes - a.bytes).slice(0, 12);
  const largestTable = sortableTable([
    { title: "largest values", left: true, code: true, value: (row) => row.item.name, show: (row) => [familyDot(row.item.node.family), row.item.name] },
    { title: "type", left: true, code: true, value: (row) => format.type(row.item.type) },
    { title: "size", value: (row) => row.bytes, show: (row) => orDash(row.bytes, format.bytes) },
  ], largest, { onrow: (row) => app.goTo(app.main, row.item), sortBy: "size" });
  const fusions = payload.summary && payload.summary.fusions.length ? h("div", { class: "sheet" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "times"), h("th", { class: "left" }, "became one"))),
    h("tbody", {}, payload.summary.fusions.map((pattern) => h("tr", {}, h("td", {}, format.count(pattern.count)), h("td", { class: "left code" }, runs(pattern.before) + " → " + pattern.after)))))) : null;
  page.replaceChildren(...[
    h("div", { class: "cards" },
      card(before ? `${format.count(before.doc.nodes.length)} → ${format.count(totals.count)}` : format.count(totals.count), "ops"),
      card(format.flop(totals.flop), "work"), card(format.bytes(weights), `weights, ${format.count(model.doc.parameters.length)} tensors`),
      card(format.bytes(totals.bytes), "bytes moved"), model.hasTimes && card(format.seconds(totals.seconds), "time"),
      payload.memory && card(format.bytes(payload.memory.arenaBytes), "arena"), payload.memory && card(format.bytes(payload.memory.lowerBound), "lower bound of the arena")),
    h("h2", {}, "Kinds of op"), kindTable.element,
    fusions && h("h2", {}, "Fusions"), fusions,
    h("h2", {}, "Largest values"), largestTable.element,
  ].filter(Boolean));
}

function runs(ops) {
  const result = [];
  for (const op of ops) {
    const last = result[result.length - 1];
    if (last && last.op === op) last.count += 1; else result.push({ op, count: 1 });
  }
  return result.map(({ op, count }) => count === 1 ? op : `${op} ×${count}`).join(" + ");
}
