import GraphIR
import Tensors

/// Computes single ops, to fold what is known into constants.
public enum OpEvaluator {
    private static let pool = ThreadPool(threadCount: 1)

    private struct NoParameters: ParameterSource {
        func parameter(_ key: String) throws -> Tensor { throw InputError("there is no such tensor", at: key) }
    }

    /// The results of an op applied to tensors; throws ``InputError`` where they do not fit or there is no kernel.
    public static func evaluate(_ op: any Op, _ operands: [Tensor]) throws -> [Tensor] {
        var builder = GraphBuilder(name: op.name)
        let inputs = operands.enumerated().map { builder.input("operand\($0)", $1.type) }
        func apply(_ op: some Op) throws -> [ValueID] { try builder.apply(op, inputs) }
        let results = try apply(op)
        for (index, result) in results.enumerated() { builder.output("result\(index)", result) }
        let program = try Program(
            builder.graph, parameters: ParameterStore(source: NoParameters(), pool: pool), options: RuntimeOptions(pool: pool))
        let values = Dictionary(uniqueKeysWithValues: operands.enumerated().map { ("operand\($0)", $1) })
        let outputs = try program.run(values, in: Workspace())
        return results.indices.map { outputs["result\($0)"]! }
    }
}
