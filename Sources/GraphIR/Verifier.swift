import Files
import Tensors

/// One claim about every valid graph.
public protocol GraphCheck: Sendable {
    /// The claim, as one sentence.
    static var claim: String { get }
    /// What contradicts it.
    static func violations(_ graph: Graph) -> [String]
}

/// Checks all claims and reports everything that fails.
public enum Verifier {
    public static let checks: [any GraphCheck.Type] = [
        OperandsDominateUses.self, ResultsBelongToTheirNodes.self, TypesFollowFromOperands.self, NamesAreUnique.self,
        OutputsExist.self, ParametersAreIndexed.self,
    ]

    public static func violations(_ graph: Graph) -> [String] {
        checks.flatMap { check in check.violations(graph).map { "\(check): \($0)" } }
    }

    public static func verify(_ graph: Graph) throws {
        let found = violations(graph)
        guard found.isEmpty else {
            throw InputError(
                "the graph '\(graph.name)' is not valid: \(found.count) violation\(found.count == 1 ? "" : "s")",
                advice: found.prefix(5).joined(separator: "\n  "))
        }
    }
}

enum OperandsDominateUses: GraphCheck {
    static let claim = "Every operand is an input, a parameter, or made by an earlier node."
    static func violations(_ graph: Graph) -> [String] {
        var known = Set(graph.inputs)
        var result: [String] = []
        for id in graph.order {
            for operand in graph[id].operands {
                guard graph.contains(operand) else {
                    result.append("\(graph.label(id)) reads a value that does not exist")
                    continue
                }
                if !graph[operand].isParameter, !known.contains(operand) {
                    result.append("\(graph.label(id)) reads \(graph.reference(operand)), which is not made before it")
                }
            }
            known.formUnion(graph[id].results)
        }
        return result
    }
}

enum ResultsBelongToTheirNodes: GraphCheck {
    static let claim = "Every result names the node and the place that make it."
    static func violations(_ graph: Graph) -> [String] {
        graph.order.flatMap { id in
            graph[id].results.enumerated().compactMap { index, result in
                guard graph.contains(result) else { return "node \(id.index) has a result that does not exist" }
                return graph[result].definition == .result(id, index) ? nil : "\(graph.reference(result)) is defined elsewhere"
            }
        }
    }
}

enum TypesFollowFromOperands: GraphCheck {
    static let claim = "The types of a node's results are those that its op infers."
    static func violations(_ graph: Graph) -> [String] {
        graph.order.compactMap { id in
            let node = graph[id]
            guard node.operands.allSatisfy(graph.contains), node.results.allSatisfy(graph.contains) else { return nil }  // others tell
            do {
                let inferred = try Graph.inferTypes(node.op, graph.operandTypes(node))
                return inferred == graph.resultTypes(node)
                    ? nil : "\(graph.label(id)): \(graph.resultTypes(node)) where \(inferred) follow"
            } catch { return "\(graph.label(id)): \(error)" }
        }
    }
}

enum NamesAreUnique: GraphCheck {
    static let claim = "No two inputs or results share a name."
    static func violations(_ graph: Graph) -> [String] {
        var seen: Set<String> = []
        return graph.valueIDs.filter { !graph[$0].isParameter }.map { graph[$0].name }.filter { !seen.insert($0).inserted }
            .map { "two values named %\($0)" }
    }
}

enum OutputsExist: GraphCheck {
    static let claim = "Every output is a value of the graph, under a name of its own."
    static func violations(_ graph: Graph) -> [String] {
        var seen: Set<String> = []
        return graph.outputs.compactMap { output in
            if !graph.contains(output.value) { return "output '\(output.name)' does not exist" }
            return seen.insert(output.name).inserted ? nil : "two outputs named '\(output.name)'"
        }
    }
}

enum ParametersAreIndexed: GraphCheck {
    static let claim = "Every parameter is found by its key."
    static func violations(_ graph: Graph) -> [String] {
        graph.valueIDs.compactMap { id in
            guard case .parameter(let key) = graph[id].definition else { return nil }
            return graph.parameter(key) == id ? nil : "parameter @\(key) is not indexed"
        }
    }
}

extension Graph {
    /// A node's name, also where its results are broken.
    fileprivate func label(_ id: NodeID) -> String {
        guard let result = self[id].results.first, contains(result) else { return "node \(id.index)" }
        return "%" + self[result].name
    }
}
