// Where boxes lie. Each open scope is laid out by itself, in layers, and then is one box of the scope around it.

const metrics = {
  padding: 14, header: 30, layerGap: 30, itemGap: 18, nodeHeight: 40, blockHeight: 54, pillHeight: 28,
  /** What more boxes than this read, nearly everything reads: its edges are drawn faintly and shape nothing. */
  broadcast: 6,
};

const measureText = (() => {
  const context = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  return (text, font) => {
    const key = font + "\n" + text;
    let width = widths.get(key);
    if (width === undefined) {
      context.font = font;
      width = context.measureText(text).width;
      widths.set(key, width);
    }
    return width;
  };
})();

const fonts = {
  family: 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif',
  get title() { return "600 12px " + this.family; },
  get block() { return "600 13px " + this.family; },
  get detail() { return "11px " + this.family; },
};

/** Lays the visible part of a model out: boxes in drawing order, and edges between the innermost of them. */
function layoutGraph(model) {
  const boxes = [];
  const boxOf = new Array(model.items.length);

  function makeItemBox(item, parent) {
    const box = { kind: item.kind, item, parent, order: item.id, label: item.node ? item.node.op : item.label };
    box.detail = item.type ? format.shortType(item.type) : "";
    if (item.kind === "node") {
      const width = Math.max(measureText(box.label, fonts.title) + (item.node.origins.length > 1 ? 30 : 0), measureText(box.detail, fonts.detail));
      box.w = Math.min(230, Math.max(92, Math.ceil(width) + 30));
      box.h = metrics.nodeHeight;
    } else {
      box.w = Math.min(230, Math.ceil(measureText(box.label, fonts.title)) + 34);
      box.h = metrics.pillHeight;
    }
    boxOf[item.id] = box;
    return box;
  }

  function makeScopeBox(scope, parent) {
    const box = { kind: scope.open ? "group" : "block", scope, parent, order: scope.order, label: scope.label };
    if (!scope.open) {
      box.detail = opCount(scope.totals) + " · " + format.flop(scope.totals.flop);
      const { result } = scope;
      box.shape = result ? (result.shape[0] === 1 && result.shape.length > 1 ? result.shape.slice(1) : result.shape).join("×") : "";
      const width = Math.max(measureText(box.label, fonts.block) + 18, measureText(box.detail, fonts.detail));
      box.w = Math.min(260, Math.max(166, Math.ceil(width) + 26));
      box.h = metrics.blockHeight;
      (function mark(inner) {
        for (const item of inner.nodes) boxOf[item.id] = box;
        for (const child of inner.children.values()) mark(child);
      })(scope);
      return box;
    }
    box.children = [
      ...scope.nodes.map((item) => makeItemBox(item, box)),
      ...[...scope.children.values()].map((child) => makeScopeBox(child, box)),
    ].sort((a, b) => a.order - b.order);
    box.links = new Map();
    return box;
  }

  const root = makeScopeBox(model.root, null);

  // Edges between visible boxes, each once. One is broad if nothing passes along it but what many others read too.
  const edges = [];
  const seen = new Map();
  const readers = model.items.map(() => new Set());
  for (const { from, to } of model.edges) if (boxOf[from.id] !== boxOf[to.id]) readers[from.id].add(boxOf[to.id]);
  for (const { from, to } of model.edges) {
    const [a, b] = [boxOf[from.id], boxOf[to.id]];
    if (a === b) continue;
    if (!seen.has(a)) seen.set(a, new Map());
    let edge = seen.get(a).get(b);
    if (!edge) {
      edge = { from: a, to: b, count: 0, broad: true };
      seen.get(a).set(b, edge);
      edges.push(edge);
    }
    edge.count += 1;
    edge.broad = edge.broad && readers[from.id].size > metrics.broadcast;
  }

  // Each edge also links two children of the innermost group around both.
  const depthOf = (box) => { let depth = 0; for (let b = box; b.parent; b = b.parent) depth += 1; return depth; };
  for (const edge of edges) {
    let [a, b] = [edge.from, edge.to];
    let [da, db] = [depthOf(a), depthOf(b)];
    while (da > db) { a = a.parent; da -= 1; }
    while (db > da) { b = b.parent; db -= 1; }
    while (a.parent !== b.parent) { a = a.parent; b = b.parent; }
    edge.group = a.parent;
    const links = edge.group.links;
    if (!links.has(a)) links.set(a, new Map());
    const link = links.get(a).get(b) || { count: 0, broad: true, ends: [] };
    link.count += 1;
    link.broad = link.broad && edge.broad;
    if (!edge.broad) link.ends.push([edge.from, edge.to]);
    links.get(a).set(b, link);
    edge.link = link;
    edge.isDirect = a === edge.from && b === edge.to;
  }

  (function sort(group) {
    sortByDependence(group);
    for (const child of group.children) if (child.kind === "group") sort(child);
  })(root);
  arrange(root, true);
  root.x = 0;
  root.y = 0;
  (function place(group) {
    if (group !== root) boxes.push(group);
    for (const child of group.children) {
      child.x += group.x;
      child.y += group.y;
      if (child.kind === "group") place(child); else boxes.push(child);
    }
  })(root);
  for (const edge of edges) edge.points = route(edge);
  return { root, boxes, edges, boxOf, width: root.w, height: root.h };
}

/**
 * Puts the children of a group into an order in which as few links as can be go backwards.
 *
 * The schedule's order will not do for scopes: a pass may have moved some of a scope's nodes to the front, and two scopes can
 * each read the other. This is the heuristic of Eades, Lin and Smyth: sources first, sinks last, and where there is neither,
 * what has most more readers than makers.
 */
function sortByDependence(group) {
  const { children, links } = group;
  children.forEach((child, index) => { child.rank = index; });
  let isSorted = true;
  for (const [from, targets] of links) for (const to of targets.keys()) if (from.rank > to.rank) isSorted = false;
  if (isSorted || children.length > 2000) return;
  const remaining = new Set(children);
  const [out, into] = [new Map(), new Map()];
  for (const child of children) { out.set(child, 0); into.set(child, 0); }
  const makers = new Map();
  for (const [from, targets] of links) {
    for (const [to, link] of targets) {
      out.set(from, out.get(from) + link.count);
      into.set(to, into.get(to) + link.count);
      if (!makers.has(to)) makers.set(to, []);
      makers.get(to).push([from, link.count]);
    }
  }
  const [front, back] = [[], []];
  const take = (child, list) => {
    remaining.delete(child);
    list.push(child);
    for (const [to, link] of links.get(child) || []) into.set(to, into.get(to) - link.count);
    for (const [from, count] of makers.get(child) || []) out.set(from, out.get(from) - count);
  };
  while (remaining.size) {
    let [source, sink, best] = [null, null, null];
    for (const child of remaining) {
      if (!into.get(child)) source ??= child;
      if (!out.get(child)) sink = child;
      if (!best || out.get(child) - into.get(child) > out.get(best) - into.get(best)) best = child;
    }
    if (source) take(source, front); else if (sink) take(sink, back); else take(best, front);
  }
  group.children = [...front, ...back.reverse()];
  group.children.forEach((child, index) => { child.rank = index; });
}

/** Gives the children of a group their places in it, and the group its size. */
function arrange(group, isRoot) {
  for (const child of group.children) if (child.kind === "group") arrange(child, false);
  const pair = findPair(group);
  let size;
  if (pair) {
    size = arrangePair(group, pair);
  } else {
    size = arrangeLayers(group.children, group.links, false);
    const hasGroups = group.children.some((child) => child.kind === "group");
    if (hasGroups && size.h > 1.2 * size.w) {
      const other = arrangeLayers(group.children, group.links, true);
      const badness = (s) => Math.abs(Math.log(s.w / s.h / 1.5));
      if (badness(other) < badness(size)) size = other; else size = arrangeLayers(group.children, group.links, false);
    } else if (size.layers > 12 && size.h > 2.5 * size.w) {
      size = arrangeLayers(group.children, group.links, false, true);
    }
  }
  const padding = isRoot ? 24 : metrics.padding;
  const top = isRoot ? 24 : metrics.header + 8;
  for (const child of group.children) { child.x += padding; child.y += top; }
  for (const links of group.links.values()) {
    for (const link of links.values()) if (link.via) for (const point of link.via) { point.x += padding; point.y += top; }
  }
  const titleWidth = isRoot ? 0 : measureText(group.label, fonts.title) + 130;
  group.w = Math.max(size.w + 2 * padding, titleWidth);
  if (size.w + 2 * padding < titleWidth) {
    const shift = (titleWidth - size.w - 2 * padding) / 2;
    for (const child of group.children) child.x += shift;
    for (const links of group.links.values()) for (const link of links.values()) if (link.via) for (const point of link.via) point.x += shift;
  }
  group.h = size.h + top + padding;

}

/**
 * Layers by longest path, crossings reduced by barycentres, places by least squares.
 *
 * `horizontal` lets the layers go from left to right; `wrapped` breaks a long column into several.
 */
function arrangeLayers(children, links, horizontal, wrapped) {
  const n = children.length;
  if (n === 0) return { w: 0, h: 0, layers: 0 };
  const indexOf = new Map(children.map((child, index) => [child, index]));
  const edges = [];
  for (const [from, targets] of links) {
    for (const [to, link] of targets) {
      link.via = undefined;
      const [i, j] = [indexOf.get(from), indexOf.get(to)];
      // Two scopes can each read the other; what goes against the order shapes nothing.
      if (i !== undefined && j !== undefined && i < j) edges.push({ i, j, link });
    }
  }
  const layer = new Array(n).fill(0);
  const [ins, outs] = [Array.from({ length: n }, () => []), Array.from({ length: n }, () => [])];
  for (const edge of edges) { outs[edge.i].push(edge); ins[edge.j].push(edge); }
  for (let i = 0; i < n; i++) for (const edge of outs[i]) layer[edge.j] = Math.max(layer[edge.j], layer[i] + 1);
  // What is read late moves down to its reader.
  for (let i = n - 1; i >= 0; i--) {
    if (outs[i].length && ins[i].length < outs[i].length) layer[i] = Math.max(layer[i], Math.min(...outs[i].map((edge) => layer[edge.j])) - 1);
  }

  // Cells are boxes and, where a link passes a layer, places kept free for it.
  const across = horizontal ? "h" : "w";
  const along = horizontal ? "w" : "h";
  const layerCount = Math.max(...layer) + 1;
  const layers = Array.from({ length: layerCount }, () => []);
  const cells = children.map((box, i) => ({ box, layer: layer[i], size: box[across], up: [], down: [], position: 0 }));
  for (const cell of cells) layers[cell.layer].push(cell);
  let passages = 0;
  for (const { i, j, link } of edges) {
    if (link.broad) continue;
    let previous = cells[i];
    const via = [];
    if (layer[j] - layer[i] > 1 && passages < 20000) {
      for (let l = layer[i] + 1; l < layer[j]; l++) {
        const cell = { box: null, layer: l, size: 10, up: [], down: [], position: 0 };
        layers[l].push(cell);
        join(previous, cell);
        previous = cell;
        via.push(cell);
        passages += 1;
      }
    }
    join(previous, cells[j]);
    if (via.length) link.cells = via; else link.cells = undefined;
  }
  function join(a, b) {
    const weight = !a.box && !b.box ? 6 : !a.box || !b.box ? 2 : 1;
    a.down.push({ cell: b, weight });
    b.up.push({ cell: a, weight });
  }

  layers.forEach((row) => row.forEach((cell, index) => { cell.rank = index; }));
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (let s = 1; s < layerCount; s++) {
      const row = layers[down ? s : layerCount - 1 - s];
      for (const cell of row) {
        const near = down ? cell.up : cell.down;
        cell.key = near.length ? near.reduce((sum, other) => sum + other.cell.rank, 0) / near.length : cell.rank;
      }
      row.sort((a, b) => a.key - b.key || a.rank - b.rank);
      row.forEach((cell, index) => { cell.rank = index; });
    }
  }

  const gap = (a, b) => (a.size + b.size) / 2 + (a.box && b.box ? metrics.itemGap : 10);
  for (const row of layers) {
    let at = 0;
    row.forEach((cell, index) => { if (index) at += gap(row[index - 1], cell); cell.position = at; });
    const middle = at / 2;
    for (const cell of row) cell.position -= middle;
  }
  for (let sweep = 0; sweep < 16; sweep++) {
    const down = sweep % 2 === 0;
    for (let s = 0; s < layerCount; s++) {
      const row = layers[down ? s : layerCount - 1 - s];
      const wish = row.map((cell) => {
        const near = sweep >= 12 ? [...cell.up, ...cell.down] : down ? cell.up : cell.down;
        const weight = near.reduce((sum, other) => sum + other.weight, 0);
        return weight ? { at: near.reduce((sum, other) => sum + other.weight * other.cell.position, 0) / weight, weight } : { at: cell.position, weight: 0.1 };
      });
      spread(row, wish, gap);
    }
  }

  // Along the layers.
  const extents = layers.map((row) => Math.max(0, ...row.filter((cell) => cell.box).map((cell) => cell.box[along])));
  const starts = [];
  let at = 0;
  const layerGap = horizontal ? metrics.layerGap * 1.8 : metrics.layerGap;
  extents.forEach((extent) => { starts.push(at); at += extent + layerGap; });
  const length = Math.max(0, at - layerGap);
  const low = Math.min(...cells.map((cell) => cell.position - cell.size / 2));
  const high = Math.max(...cells.map((cell) => cell.position + cell.size / 2));
  for (const row of layers) for (const cell of row) cell.position -= low;
  const breadth = high - low;

  // Columns, if the whole would be a thread.
  const column = new Array(layerCount).fill(0);
  let columns = 1;
  if (wrapped) {
    let best = Infinity;
    for (let count = 1; count <= 12; count++) {
      const badness = Math.abs(Math.log((count * (breadth + 44)) / (length / count) / 1.5));
      if (badness < best) { best = badness; columns = count; }
    }
    const each = Math.ceil(layerCount / columns);
    columns = Math.ceil(layerCount / each);
    for (let l = 0; l < layerCount; l++) column[l] = Math.floor(l / each);
  }
  const columnStart = new Array(columns).fill(Infinity);
  for (let l = 0; l < layerCount; l++) columnStart[column[l]] = Math.min(columnStart[column[l]], starts[l]);
  let depth = 0;
  for (let l = 0; l < layerCount; l++) {
    starts[l] -= columnStart[column[l]];
    depth = Math.max(depth, starts[l] + extents[l]);
  }
  const columnShift = (l) => column[l] * (breadth + 44);
  const point = (acrossAt, alongAt) => horizontal ? { x: alongAt, y: acrossAt } : { x: acrossAt, y: alongAt };
  for (const cell of cells) {
    const l = cell.layer;
    const corner = point(cell.position - cell.size / 2 + columnShift(l), starts[l] + (extents[l] - cell.box[along]) / 2);
    cell.box.x = corner.x;
    cell.box.y = corner.y;
  }
  for (const { link } of edges) {
    if (!link.cells) continue;
    const sameColumn = link.cells.every((cell) => column[cell.layer] === column[link.cells[0].layer]);
    if (sameColumn && columns === 1) {
      link.via = link.cells.flatMap((cell) => [
        point(cell.position, starts[cell.layer]), point(cell.position, starts[cell.layer] + extents[cell.layer]),
      ]);
    }
    link.cells = undefined;
  }
  const whole = point(breadth * columns + 44 * (columns - 1), depth);
  return { w: whole.x, h: whole.y, layers: layerCount };
}

/**
 * Places the cells of a row as near to their wishes as the gaps between them allow: isotonic regression over the wishes
 * less the gaps, by pooling neighbours that would overlap.
 */
function spread(row, wish, gap) {
  const pools = [];
  let offset = 0;
  row.forEach((cell, index) => {
    if (index) offset += gap(row[index - 1], cell);
    cell.offset = offset;
    let pool = { sum: (wish[index].at - offset) * wish[index].weight, weight: wish[index].weight, count: 1 };
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].weight > pool.sum / pool.weight) {
      const last = pools.pop();
      pool = { sum: pool.sum + last.sum, weight: pool.weight + last.weight, count: pool.count + last.count };
    }
    pools.push(pool);
  });
  let index = 0;
  for (const pool of pools) for (let i = 0; i < pool.count; i++, index++) row[index].position = pool.sum / pool.weight + row[index].offset;
}

/**
 * Two open scopes of which many children of the first feed children of the second: the two halves of a U (the order turns
 * round) or the sides of a ladder (it does not).
 */
function findPair(group) {
  let best = null;
  for (const [a, targets] of group.links) {
    if (a.kind !== "group" || a.children.some((child) => child.kind === "group" && child.children.length > 40)) continue;
    for (const [b, link] of targets) {
      if (b.kind !== "group" || b.rank < a.rank) continue;
      const childOf = (box, parent) => { while (box.parent !== parent) box = box.parent; return box; };
      // Only repeated parts make rows: blocks with numbers for names.
      const matches = link.ends.map(([from, to]) => [childOf(from, a), childOf(to, b)])
        .filter(([from, to]) => from.scope && from.scope.isNumber && to.scope && to.scope.isNumber)
        .map(([from, to]) => [a.children.indexOf(from), b.children.indexOf(to)]);
      if (new Set(matches.map((match) => match[0])).size < 3 || new Set(matches.map((match) => match[1])).size < 3) continue;
      let turn = 0;
      for (const [i, j] of matches) for (const [k, l] of matches) turn += Math.sign((i - k) * (j - l));
      if (!best || matches.length > best.matches.length) best = { a, b, matches, reversed: turn < 0 };
    }
  }
  return best;
}

/** A U or a ladder: two columns whose rows face each other, what comes before above the left one, what comes after beside. */
function arrangePair(group, { a, b, matches, reversed }) {
  const left = a.children;
  const right = reversed ? [...b.children].reverse() : b.children;
  const partner = (j) => (reversed ? b.children.length - 1 - j : j);
  const pairs = [];
  let last = -1;
  for (let i = 0; i < left.length; i++) {
    const options = matches.filter((match) => match[0] === i).map((match) => partner(match[1])).filter((j) => j > last).sort((x, y) => x - y);
    if (options.length) { pairs.push([i, options[0]]); last = options[0]; }
  }
  const rows = [];
  let [i, j] = [0, 0];
  for (const [pi, pj] of [...pairs, [left.length, right.length]]) {
    while (i < pi || j < pj) rows.push([i < pi ? left[i++] : null, j < pj ? right[j++] : null]);
    if (pi < left.length) { rows.push([left[pi], right[pj]]); i = pi + 1; j = pj + 1; }
  }
  const gap = 20;
  const inner = (box) => Math.max(...box.children.map((child) => child.w), measureText(box.label, fonts.title) + 100);
  const [leftWidth, rightWidth] = [inner(a), inner(b)];
  let y = metrics.header + 8;
  for (const [l, r] of rows) {
    const height = Math.max(l ? l.h : 0, r ? r.h : 0);
    for (const [box, width] of [[l, leftWidth], [r, rightWidth]]) {
      if (box) { box.x = metrics.padding + (width - box.w) / 2; box.y = y + (height - box.h) / 2; }
    }
    y += height + gap;
  }
  a.w = leftWidth + 2 * metrics.padding;
  b.w = rightWidth + 2 * metrics.padding;
  a.h = b.h = y - gap + metrics.padding;
  for (const scope of [a, b]) for (const targets of scope.links.values()) for (const link of targets.values()) link.via = undefined;

  const reach = (start, forward) => {
    const found = new Set();
    const visit = (box) => {
      for (const [from, targets] of group.links) {
        for (const to of targets.keys()) {
          const [near, far] = forward ? [from, to] : [to, from];
          if (near === box && !found.has(far) && (forward ? far.rank > near.rank : far.rank < near.rank)) { found.add(far); visit(far); }
        }
      }
    };
    visit(start);
    return found;
  };
  const [afterA, afterB, beforeA] = [reach(a, true), reach(b, true), reach(a, false)];
  // Inputs and outputs that belong to one row stand beside it.
  const beside = new Map();
  for (const child of group.children) {
    if (child.kind !== "input" && child.kind !== "output") continue;
    const ends = child.kind === "input" ? [...(group.links.get(child) || [])]
      : [...group.links].filter(([, targets]) => targets.has(child)).map(([from, targets]) => [from, targets.get(child)]);
    if (ends.length !== 1 || ends[0][0] !== a && ends[0][0] !== b || ends[0][1].ends.length !== 1) continue;
    let row = ends[0][1].ends[0][child.kind === "input" ? 1 : 0];
    while (row.parent !== ends[0][0]) row = row.parent;
    if (![...beside.values()].includes(row)) beside.set(child, row);
  }
  if (beside.size < 3) beside.clear();
  const others = group.children.filter((child) => child !== a && child !== b && !beside.has(child));
  const before = others.filter((child) => beforeA.has(child) || !afterA.has(child) && !afterB.has(child));
  const after = others.filter((child) => !before.includes(child) && afterB.has(child));
  const between = others.filter((child) => !before.includes(child) && !after.includes(child));

  const channel = 90;
  const stack = (boxes) => boxes.reduce((sum, box) => sum + box.h + gap, 0);
  const beforeSize = arrangeLayers(before, group.links, false);
  const head = Math.max(before.length ? beforeSize.h + gap : 0, reversed ? stack(after) : 0);
  const widest = (boxes) => Math.max(0, ...boxes.map((box) => box.w));
  const leftColumn = Math.max(a.w, beforeSize.w);
  const rightColumn = Math.max(b.w, widest(after));
  a.x = (leftColumn - a.w) / 2;
  b.x = leftColumn + channel + (rightColumn - b.w) / 2;
  a.y = b.y = head;
  for (const box of before) { box.x += (leftColumn - beforeSize.w) / 2; box.y += head - gap - beforeSize.h; }
  let at = reversed ? head : head + b.h + gap;
  for (const box of after) {
    if (reversed) { at -= box.h + gap; box.y = at; } else { box.y = at; at += box.h + gap; }
    box.x = leftColumn + channel + (rightColumn - box.w) / 2;
  }
  const total = leftColumn + channel + rightColumn;
  const foot = head + a.h + gap + 8;
  const rowWidth = between.reduce((sum, box) => sum + box.w + channel / 2, -channel / 2);
  let x = reversed ? (total - rowWidth) / 2 : a.x + a.w / 2 - (between.length ? between[0].w / 2 : 0);
  for (const box of between) { box.x = Math.max(0, x); box.y = foot; x = box.x + box.w + channel / 2; }
  for (const targets of group.links.values()) for (const link of targets.values()) link.via = undefined;
  let shift = 0;
  for (const [box, row] of beside) {
    box.y = a.y + row.y + (row.h - box.h) / 2;
    box.x = row.parent === b ? total + 50 : -50 - box.w;
    shift = Math.max(shift, -box.x);
  }
  for (const box of group.children) box.x += shift;
  others.push(...beside.keys());
  const bottom = Math.max(head + a.h, ...others.map((box) => box.y + box.h));
  const right2 = Math.max(total + shift, ...others.map((box) => box.x + box.w));
  return { w: right2, h: bottom, layers: rows.length };
}

/** The points of an edge, from side to side by where the boxes lie: [x, y] with the direction in which it leaves and arrives. */
function route(edge) {
  const { from: a, to: b } = edge;
  const mid = (box) => ({ x: box.x + box.w / 2, y: box.y + box.h / 2 });
  const [ma, mb] = [mid(a), mid(b)];
  const right = b.x - (a.x + a.w);
  const below = b.y - (a.y + a.h);
  const via = edge.isDirect && edge.link.via ? edge.link.via.map((point) => ({ x: point.x + edge.group.x, y: point.y + edge.group.y })) : [];
  let start, end, vertical;
  if (below >= 0 && (right < 60 || below > right)) {
    [start, end, vertical] = [{ x: ma.x, y: a.y + a.h }, { x: mb.x, y: b.y }, true];
  } else if (right >= 0) {
    [start, end, vertical] = [{ x: a.x + a.w, y: ma.y }, { x: b.x, y: mb.y }, false];
  } else if (a.y - (b.y + b.h) >= 0) {
    [start, end, vertical] = [{ x: ma.x, y: a.y }, { x: mb.x, y: b.y + b.h }, true];
  } else {
    [start, end, vertical] = [{ x: a.x, y: ma.y }, { x: b.x + b.w, y: mb.y }, false];
  }
  const points = [start, ...via, end];
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const p of points) { x0 = Math.min(x0, p.x); y0 = Math.min(y0, p.y); x1 = Math.max(x1, p.x); y1 = Math.max(y1, p.y); }
  edge.vertical = vertical;
  edge.bounds = { x0: x0 - 4, y0: y0 - 4, x1: x1 + 4, y1: y1 + 4 };
  return points;
}
