import Files
import GraphIR
import Tensors

/// Computes single ops, to fold what is known into constants.
public enum OpEvaluator {
    private static let pool = ThreadPool(threadCount: 1)

    private struct NoParameters: ParameterSource {
        func parameter(_ key: String) throws -> Tensor { throw InputError("there is no such tensor", at: key) }
    }

    /// The results of an op applied to tensors.
    ///
    /// - `byteLimit`: what the results and the memory to compute them may take.
    /// - Throws: `InputError` where the operands do not fit, there is no kernel, or the limit is passed.
    public static func evaluate(_ op: any Op, _ operands: [Tensor], byteLimit: Int = 1 << 30) throws -> [Tensor] {
        var builder = GraphBuilder(name: op.name)
        let inputs = operands.enumerated().map { builder.input("operand\($0)", $1.type) }
        func apply(_ op: some Op) throws -> [ValueID] { try builder.apply(op, inputs) }
        let results = try apply(op)
        let types = results.map(builder.type)
        guard types.allSatisfy({ $0.byteCount <= byteLimit }) else { throw InputError("\(op.name) makes too much to be computed: \(types)") }
        for (index, result) in results.enumerated() { builder.output("result\(index)", result) }
        let program = try Program(
            builder.graph, parameters: ParameterStore(source: NoParameters(), pool: pool), options: RuntimeOptions(pool: pool))
        guard program.plan.memory.arenaByteCount <= byteLimit else { throw InputError("\(op.name) takes too much memory: \(types)") }
        let values = Dictionary(uniqueKeysWithValues: operands.enumerated().map { ("operand\($0)", $1) })
        let outputs = try program.run(values, in: Workspace())
        return results.indices.map { outputs["result\($0)"]! }
    }
}
