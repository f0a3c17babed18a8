import Files
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
        // A list of what is still to be looked at: functions may call each other in longer chains than the stack holds.
        var remaining = [(nodes: model.graph.nodes, wanted: model.graph.outputs.map(\.name))]
        while let (nodes, wanted) = remaining.popLast() {
            var makers: [String: Int] = [:]
            for (index, node) in nodes.enumerated() { for output in node.outputs { makers[output] = index } }
            for index in NeededNodes.find(nodes, makers: makers, wanted: wanted).sorted() {
                let node = nodes[index]
                for branch in node.branches { remaining.append((branch.nodes, branch.outputs.map(\.name))) }
                let rule = ImportRegistry.rule(domain: node.domain, opType: node.opType)
                if let function = model.functions[node.functionKey], rule?.replacesFunctions != true {
                    if visited.insert(node.functionKey).inserted { remaining.append((function.nodes, function.outputs)) }
                } else if rule == nil {
                    let use = Use(domain: node.domain, opType: node.opType)
                    if found[use] == nil { order.append(use) }
                    found[use, default: []].append(node.label)
                }
            }
        }
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
