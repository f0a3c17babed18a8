import Files
import GraphIR
import Operators
import Tensors

/// Reverse-mode differentiation as a graph transformation.
///
///     graph g {
///       input %x : f32[2, 3]
///       %y = scale(%x) {factor = 2.0} : f32[2, 3]
///       output y = %y
///     }
/// becomes, with respect to x,
///     graph g_gradient {
///       input %x : f32[2, 3]
///       input %y.gradient : f32[2, 3]
///       %y.scale = scale(%y.gradient) {factor = 2.0} : f32[2, 3]
///       output x.gradient = %y.scale
///     }
///
/// The result computes the product of `y.gradient`, the gradient of some function of the output, with the Jacobian. Each op has its rule: ``Operators/DifferentiableOp``.
/// Of the graph itself only what the rules read is left. Passes, plan and runtime treat the result as any graph.
public enum Gradient {
    /// - Parameters:
    ///   - graph: as it is imported, for the sizes that it is to run on.
    ///   - input: of floats.
    ///   - output: of floats; may be left out where there is only one.
    /// - Throws: an `InputError` where there is no such input or output, where one does not depend on the other, and for an op on the way that has no rule.
    public static func graph(of graph: Graph, withRespectTo input: String, output: String? = nil) throws -> Graph {
        guard let source = graph.input(input), graph.type(source).elementType.isFloatingPoint else {
            let inputs = graph.inputs.filter { graph.type($0).elementType.isFloatingPoint }.map { graph[$0].name }
            throw InputError("graph '\(graph.name)' has no input '\(input)' of floats", advice: "There are: " + inputs.joined(separator: ", "))
        }
        let outputs = graph.outputs.filter { output == nil ? graph.outputs.count == 1 : $0.name == output }
        guard let target = outputs.first, graph.type(target.value).elementType.isFloatingPoint else {
            throw InputError(
                "the gradient of graph '\(graph.name)' is that of one output of floats",
                advice: "There are: " + graph.outputs.map(\.name).joined(separator: ", "))
        }
        let seed = "\(target.name).gradient"
        guard !graph.valueIDs.contains(where: { graph[$0].name == seed }) else { throw InputError("graph '\(graph.name)' has a value '\(seed)' already") }
        // A norm and its activation have one gradient, for which what lies between them need not be kept.
        let fused = try Pipeline([FuseGroupNormSiLU()]).run(graph).graph
        let result = try differentiated(fused, source, fused.output(target.name)!, names: (input: "\(input).gradient", seed: seed))
        return try Pipeline([EliminateDeadCode()]).run(result).graph
    }

    private static func differentiated(_ graph: Graph, _ source: ValueID, _ target: ValueID, names: (input: String, seed: String)) throws -> Graph {
        var builder = GraphBuilder(name: "\(graph.name)_gradient", goingOnBehind: graph)
        var gradients = [target: builder.input(names.seed, graph.type(target))]
        let dependent = graph.values(dependingOn: [graph[source].name])
        for id in graph.order.reversed() {
            let node = graph[id]
            let operands = node.operands.indices.filter { dependent.contains(node.operands[$0]) && node.op.readsData(ofOperand: $0) }
            guard !operands.isEmpty, node.results.contains(where: { gradients[$0] != nil }) else { continue }
            guard let op = node.op as? any DifferentiableOp else {
                throw InputError("the op '\(node.op.name)' has no gradient", at: "\(graph.name): %\(graph.name(of: id))")
            }
            builder.enterScope(graph.name(of: id))
            var b = Differentiation(node, gradients: node.results.map { gradients[$0] }, builder)
            do {
                for index in operands {
                    let (operand, part) = (node.operands[index], try op.gradient(ofOperand: index, &b))
                    precondition(b.type(part) == graph.type(operand), "the gradient of \(op.name) has another type than its operand")
                    gradients[operand] = try gradients[operand].map { try b.apply(Add(), $0, part) } ?? part
                }
            } catch let error as InputError {
                throw error.at("\(graph.name): the gradient of %\(graph.name(of: id))")
            }
            builder = b.builder
            builder.leaveScope()
        }
        guard let result = gradients[source] else { throw InputError("the output does not depend on '\(graph[source].name)'", at: "graph '\(graph.name)'") }
        builder.output(names.input, result)
        return builder.graph
    }
}
