import Files
import GraphIR

extension GraphDocument {
    /// The graph for Graphviz: a cluster for each scope, parameters left out.
    ///
    /// - Parameter depth: nodes that lie deeper than so many scopes become one box for each scope at that depth, so that a
    ///   large graph can be read; nil shows every node.
    public func dot(foldedAt depth: Int? = nil) -> String {
        var writer = DOTWriter(document: self, depth: depth)
        return writer.write()
    }
}

private struct DOTWriter {
    let document: GraphDocument
    let depth: Int?
    var lines: [String] = []
    /// The DOT identifier of the box that shows each value.
    var boxOfValue: [String: String] = [:]

    /// A scope, with the boxes and scopes in it in order.
    final class Scope {
        var boxes: [String] = []
        var order: [String] = []
        var children: [String: Scope] = [:]

        func child(_ name: String) -> Scope {
            if let child = children[name] { return child }
            let child = Scope()
            children[name] = child
            order.append(name)
            return child
        }
    }

    init(document: GraphDocument, depth: Int?) {
        self.document = document
        self.depth = depth
    }

    mutating func write() -> String {
        lines = [
            "digraph \(quoted(document.name)) {",
            "  rankdir=TB; compound=true; newrank=true; ranksep=0.35; nodesep=0.2; fontname=\"Helvetica\"; fontsize=11; bgcolor=\"white\";",
            "  label=\(quoted("\(document.name) (\(document.stage))")); labelloc=t;",
            "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=10, color=\"#8b95a5\", fillcolor=\"white\", margin=\"0.12,0.06\"];",
            "  edge [color=\"#6b7482\", arrowsize=0.6];",
        ]
        for (index, input) in document.inputs.enumerated() {
            boxOfValue[input.name] = "in\(index)"
            lines.append("  in\(index) [shape=ellipse, fillcolor=\"#eef1f5\", label=\(quoted("\(input.name)\n\(input.type.short)"))];")
        }
        let root = Scope()
        addBoxes(root)
        addScope(root, path: [], indent: "  ")
        for (index, output) in document.outputs.enumerated() {
            lines.append("  out\(index) [shape=ellipse, fillcolor=\"#eef1f5\", label=\(quoted(output.name))];")
        }
        addEdges()
        lines.append("}")
        return lines.joined(separator: "\n") + "\n"
    }

    private mutating func addBoxes(_ root: Scope) {
        var folded: [[String]: (box: String, nodes: [GraphDocument.Node], scope: Scope)] = [:]
        var foldedOrder: [[String]] = []
        for (index, (node, scopes)) in zip(document.nodes, document.scopes).enumerated() {
            guard let depth, scopes.count >= max(depth, 1) else {
                let scope = scopes.reduce(root) { $0.child($1) }
                let types = node.results.map(\.type.short).joined(separator: "\n")
                scope.boxes.append(
                    "n\(index) [fillcolor=\"\(node.family.dotColor)\", label=\(quoted("\(node.op)\n\(types)")), tooltip=\(quoted(node.name))];")
                for result in node.results { boxOfValue[result.name] = "n\(index)" }
                continue
            }
            let path = Array(scopes.prefix(max(depth, 1)))
            if folded[path] == nil {
                folded[path] = ("b\(index)", [], path.dropLast().reduce(root) { $0.child($1) })
                foldedOrder.append(path)
            }
            folded[path]!.nodes.append(node)
            for result in node.results { boxOfValue[result.name] = folded[path]!.box }
        }
        for path in foldedOrder {
            let (box, nodes, scope) = folded[path]!
            let flop = nodes.reduce(0) { $0 + $1.cost.flop }
            let label = "\(path.suffix(2).joined(separator: "."))\n\(nodes.count) ops, \(Units.flop(flop))"
            scope.boxes.append(
                "\(box) [shape=box3d, style=filled, fillcolor=\"#eef1f5\", label=\(quoted(label)), tooltip=\(quoted(path.joined(separator: ".")))];")
        }
    }

    private mutating func addScope(_ scope: Scope, path: [String], indent: String) {
        for box in scope.boxes { lines.append(indent + box) }
        for name in scope.order {
            let path = path + [name]
            lines.append("\(indent)subgraph \(quoted("cluster_" + path.joined(separator: "."))) {")
            lines.append("\(indent)  label=\(quoted(name)); style=\"rounded\"; color=\"#c5ccd6\"; labeljust=l;")
            addScope(scope.children[name]!, path: path, indent: indent + "  ")
            lines.append(indent + "}")
        }
    }

    /// What more boxes than this read, nearly everything reads.
    private static let broadcast = 6

    private mutating func addEdges() {
        var reads = document.nodes.flatMap { node in node.operands.map { (value: $0.value, target: boxOfValue[node.name]!) } }
        reads += document.outputs.enumerated().map { (value: $1.source.value, target: "out\($0)") }
        // A node's results count together, so that parts of one row are as broad as the row.
        var makers: [String: String] = [:]
        for node in document.nodes { for result in node.results { makers[result.name] = node.name } }
        func maker(_ value: String) -> String { makers[value] ?? value }
        var readers: [String: Set<String>] = [:]
        for (value, target) in reads { if let value, boxOfValue[value] != target { readers[maker(value), default: []].insert(target) } }
        var edges: [(source: String, target: String, isBroad: Bool)] = []
        var places: [String: Int] = [:]
        for (value, target) in reads {
            guard let value, let source = boxOfValue[value], source != target else { continue }
            let isBroad = readers[maker(value)]!.count > Self.broadcast
            if let place = places["\(source) \(target)"] {
                edges[place].isBroad = edges[place].isBroad && isBroad
            } else {
                places["\(source) \(target)"] = edges.count
                edges.append((source, target, isBroad))
            }
        }
        for edge in edges {
            // Such edges would pull all of the graph together and cover it with lines.
            let attributes = edge.isBroad ? " [color=\"#d5dae2\", constraint=false]" : ""
            lines.append("  \(edge.source) -> \(edge.target)\(attributes);")
        }
    }

    /// A string of the DOT language. Everything that Graphviz gives a meaning in labels is escaped.
    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 32 || scalar.value == 127: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension OpFamily {
    /// The page's colours, light enough for black text.
    fileprivate var dotColor: String {
        switch self {
        case .convolution: "#cfe0fb"
        case .product: "#e0d8fb"
        case .attention: "#f8d4e6"
        case .normalization: "#fbeac0"
        case .activation: "#fbd9c8"
        case .elementwise: "#cdeeda"
        case .movement: "#e6e9ee"
        case .other: "#cdecf0"
        }
    }
}
