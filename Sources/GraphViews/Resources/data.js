// The data of the page, and the graph as a tree of scopes.

const payload = JSON.parse(document.getElementById("data").textContent);

/** Makes an element. Strings become text nodes, so nothing from the data is ever read as markup. */
function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key === "style") Object.assign(element.style, value);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value);
  }
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child);
  }
  return element;
}

// Quantities as people read them. Units are decimal.

function digits(value) {
  const size = Math.abs(value);
  return size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function scaled(value, units) {
  let index = 0;
  while (Math.abs(value) >= 999.5 && index + 1 < units.length) { value /= 1000; index += 1; }
  return (index === 0 && Number.isInteger(value) ? value : digits(value)) + " " + units[index];
}

const format = {
  bytes: (value) => scaled(value, ["B", "kB", "MB", "GB", "TB"]),
  flop: (value) => scaled(value, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]),
  flopRate: (value) => scaled(value, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"]),
  byteRate: (value) => scaled(value, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]),
  seconds: (value) =>
    value === 0 ? "0 s" : value < 1e-6 ? digits(value * 1e9) + " ns" : value < 1e-3 ? digits(value * 1e6) + " µs"
      : value < 1 ? digits(value * 1e3) + " ms" : digits(value) + " s",
  count: (value) => value.toLocaleString("en-US"),
  share: (part, whole) => whole > 0 ? (100 * part / whole).toFixed(1) + " %" : "–",
  type(type) {
    const shape = type.shape.length ? type.shape.join(" × ") : "scalar";
    return type.element + "  " + shape + (type.layout === "row_major" ? "" : "  " + type.layout.replace("_", "-"));
  },
  shortType: (type) => (type.element === "f32" ? "" : type.element + " ") + (type.shape.length ? type.shape.join("×") : "scalar"),
  attribute(value) {
    if (Array.isArray(value)) return "[" + value.map(format.attribute).join(", ") + "]";
    if (value && typeof value === "object") {
      return "{" + Object.keys(value).map((key) => key + " = " + format.attribute(value[key])).join(", ") + "}";
    }
    return String(value);
  },
};

const families = {
  convolution: "Convolution", product: "Matrix product", attention: "Attention", normalization: "Normalisation",
  activation: "Activation", elementwise: "Elementwise", movement: "Data movement", other: "Other",
};

/** What a node or all nodes of a scope take. */
class Totals {
  constructor() {
    this.count = 0;
    this.flop = 0;
    this.bytes = 0;
    this.weightBytes = 0;
    this.seconds = 0;
    this.families = {};
  }
  add(node) {
    this.count += 1;
    this.flop += node.cost.flop;
    this.bytes += node.cost.weightBytes + node.cost.readBytes + node.cost.writtenBytes;
    this.weightBytes += node.cost.weightBytes;
    this.seconds += node.seconds || 0;
    this.families[node.family] = (this.families[node.family] || 0) + 1;
  }
}

/** Names with more dots than this are not from any network; their further parts make no scopes of their own. */
const deepestScope = 24;

const median = (sorted) => sorted[sorted.length >> 1];

class Scope {
  constructor(name, parent) {
    this.name = name;
    this.parent = parent;
    this.path = parent && parent.parent ? parent.path + "." + name : name;
    this.children = new Map();
    this.nodes = [];
    this.open = false;
    this.ids = [];
    this.totals = new Totals();
    // A number says little alone: "input_blocks.3" rather than "3".
    const isNumber = /^\d+$/.test(name);
    this.label = isNumber && parent && parent.parent ? parent.label + "." + name : name;
    this.isNumber = isNumber;
  }
  child(name) {
    if (!this.children.has(name)) this.children.set(name, new Scope(name, this));
    return this.children.get(name);
  }
  /** Whether this holds several blocks, so that an overview shows them rather than this. */
  get holdsBlocks() {
    if (this.isNumber) return false;
    if (this.children.size >= 4) return true;
    for (const child of this.children.values()) if (child.holdsBlocks) return true;
    return false;
  }
}

/** One stage of the graph: items (nodes, inputs, outputs), the edges between them, and the scopes that their names tell of. */
class GraphModel {
  constructor(doc, index) {
    this.doc = doc;
    this.index = index;
    this.root = new Scope("", null);
    this.root.open = true;
    this.items = [];
    this.byValue = new Map();
    this.byOrigin = new Map();
    this.edges = [];
    this.types = new Map();
    this.valueNames = new Set(doc.inputs.map((input) => input.name));
    for (const node of doc.nodes) {
      for (const result of node.results) this.valueNames.add(result.name);
      for (const origin of node.origins) this.valueNames.add(origin);
    }
    for (const input of doc.inputs) {
      const item = this.addItem({ kind: "input", name: input.name, label: input.name, type: input.type, scope: this.root, node: null });
      this.byValue.set(input.name, item);
      this.types.set(input.name, input.type);
    }
    for (const node of doc.nodes) this.addNode(node);
    for (const output of doc.outputs) {
      const item = this.addItem({ kind: "output", name: output.name, label: output.name, type: null, scope: this.root, node: null });
      if (output.source.value !== undefined) this.connect(output.source.value, item);
    }
    for (const scope of this.scopes()) scope.order = median(scope.ids);
    this.parameterTypes = new Map(doc.parameters.map((parameter) => [parameter.name, parameter.type]));
    this.findResults();
    this.hasTimes = doc.nodes.some((node) => node.seconds !== undefined);
    this.foldToBlocks();
  }

  addItem(item) {
    item.id = this.items.length;
    item.producers = [];
    item.consumers = [];
    item.model = this;
    item.scope.nodes.push(item);
    this.items.push(item);
    return item;
  }

  addNode(node) {
    const parts = node.name.split(".");
    let depth = Math.min(parts.length - 1, deepestScope);
    // A pass that makes "a.silu.statistics" out of "a.silu" has added to a value's name; that makes no scope.
    while (depth > 0 && this.valueNames.has(parts.slice(0, depth).join("."))) depth -= 1;
    let scope = this.root;
    for (const part of parts.slice(0, depth)) scope = scope.child(part);
    const item = this.addItem({
      kind: "node", name: node.name, label: parts.slice(depth).join("."), type: node.results[0].type, scope, node,
      keys: node.operands.filter((operand) => operand.parameter !== undefined).map((operand) => operand.parameter),
    });
    for (let s = scope; s; s = s.parent) {
      s.totals.add(node);
      s.ids.push(item.id);
    }
    for (const result of node.results) {
      this.byValue.set(result.name, item);
      this.types.set(result.name, result.type);
    }
    for (const origin of node.origins) {
      if (!this.byOrigin.has(origin)) this.byOrigin.set(origin, []);
      this.byOrigin.get(origin).push(item);
    }
    for (const operand of node.operands) if (operand.value !== undefined) this.connect(operand.value, item);
    item.totals = new Totals();
    item.totals.add(node);
  }

  connect(value, consumer) {
    const producer = this.byValue.get(value);
    if (!producer || producer.consumers.includes(consumer)) return;
    producer.consumers.push(consumer);
    consumer.producers.push(producer);
    this.edges.push({ from: producer, to: consumer });
  }

  /** The type that each scope hands on: that of the last of its nodes that is read outside. */
  findResults() {
    for (const item of this.items) {
      if (!item.node) continue;
      for (let scope = item.scope; scope.parent; scope = scope.parent) {
        const isIn = (other) => { let s = other.scope; while (s && s !== scope) s = s.parent; return Boolean(s); };
        if (item.consumers.some((consumer) => !isIn(consumer))) scope.result = item.type;
      }
    }
  }

  *scopes(scope = this.root) {
    yield scope;
    for (const child of scope.children.values()) yield* this.scopes(child);
  }

  foldToBlocks() {
    const isSmall = this.doc.nodes.length <= 60;
    for (const scope of this.scopes()) scope.open = scope === this.root || isSmall || scope.holdsBlocks;
  }
  setAllOpen(open) {
    for (const scope of this.scopes()) scope.open = open || scope === this.root;
  }
  /** Opens all scopes around an item; true if that changed anything. */
  reveal(item) {
    let changed = false;
    for (let scope = item.scope; scope; scope = scope.parent) {
      if (!scope.open) { scope.open = true; changed = true; }
    }
    return changed;
  }

  /** The items of another stage that this item came from or became. */
  related(item, other) {
    if (item.kind !== "node") {
      const same = other.items.find((candidate) => candidate.kind === item.kind && candidate.name === item.name);
      return same ? [same] : [];
    }
    const found = new Set();
    for (const origin of item.node.origins) if (other.byValue.has(origin)) found.add(other.byValue.get(origin));
    for (const result of item.node.results) for (const next of other.byOrigin.get(result.name) || []) found.add(next);
    if (!found.size && !item.node.origins.length) {
      const same = other.byValue.get(item.name);
      if (same && same.kind === "node") found.add(same);
    }
    return [...found];
  }
}

/** Items that hold all words in their name, op, kernel, origins or checkpoint keys; the closest names first. */
function searchItems(models, text, limit) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const hits = [];
  for (const model of models) {
    for (const item of model.items) {
      const name = item.name.toLowerCase();
      const all = item.searchText || (item.searchText = [
        name, item.node ? item.node.op + " " + (item.node.kernel || "") : item.kind,
        (item.keys || []).join(" "), item.node ? item.node.origins.join(" ") : "",
      ].join(" ").toLowerCase());
      if (!words.every((word) => all.includes(word))) continue;
      const whole = text.trim().toLowerCase();
      const rank = name === whole ? 0 : item.label.toLowerCase() === whole ? 1
        : words.every((word) => name.includes(word)) ? 2 : (item.keys || []).some((key) => key.toLowerCase().includes(whole)) ? 3 : 4;
      hits.push({ item, rank });
    }
  }
  hits.sort((a, b) => a.rank - b.rank || b.item.model.index - a.item.model.index || a.item.id - b.item.id);
  return limit ? hits.slice(0, limit).map((hit) => hit.item) : hits.map((hit) => hit.item);
}
