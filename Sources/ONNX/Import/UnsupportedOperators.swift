import Tensors

/// The check that all operators of a model are known, so that one error names all that are not.
enum UnsupportedOperators {
    private struct Use: Hashable {
        var domain: String
        var opType: String
    }

    static func refuse(in model: ONNXModel) throws {
        var found: [Use: [String]] = [:]
        var order: [Use] = []
        var visited: Set<ONNXFunction.Key> = []
        func visit(_ nodes: [ONNXNode], _ wanted: [String]?) {
            var makers: [String: Int] = [:]
            for (index, node) in nodes.enumerated() { for output in node.outputs { makers[output] = index } }
            let needed = wanted.map { NeededNodes.find(nodes, makers: makers, wanted: $0) }
            for (index, node) in nodes.enumerated() where needed?.contains(index) ?? true {
                for branch in node.branches { visit(branch.nodes, branch.outputs.map(\.name)) }
                if let function = model.functions[node.functionKey] {
                    if ImportRegistry.rule(domain: node.domain, opType: node.opType)?.replacesFunctions == true { continue }
                    if visited.insert(node.functionKey).inserted { visit(function.nodes, function.outputs) }
                } else if ImportRegistry.rule(domain: node.domain, opType: node.opType) == nil {
                    let use = Use(domain: node.domain, opType: node.opType)
                    if found[use] == nil { order.append(use) }
                    found[use, default: []].append(node.label)
                }
            }
        }
        visit(model.graph.nodes, model.graph.outputs.map(\.name))
        guard !order.isEmpty else { return }
        let lines = order.map { use -> String in
            let nodes = found[use]!
            let opset = model.opsets.versions[use.domain].map { " (opset \($0))" } ?? ""
            let name = use.domain.isEmpty ? use.opType : "\(use.domain).\(use.opType)"
            let more = nodes.count > 3 ? " and \(nodes.count - 3) more" : ""
            return "\(name)\(opset): node\(nodes.count == 1 ? "" : "s") " + nodes.prefix(3).map { "'\($0)'" }.joined(separator: ", ") + more
        }
        throw InputError(
            "\(order.count) operator\(order.count == 1 ? " is" : "s are") not supported", advice: lines.joined(separator: "\n  "))
    }
}
