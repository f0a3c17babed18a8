import GraphCompiler

/// An op: `y = max(x, 0)^2` (So et al., *Primer*, 2021).
struct SquaredReLU: Op {
    static let name = "squared_relu"
    static let family = OpFamily.activation

    var keepsType: Bool { true }

    func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        guard operands.count == 1, operands[0].elementType == .float32 else { throw InputError("takes one f32 operand, not \(operands)") }
        return operands
    }
}

/// Its kernel.
extension SquaredReLU: LowerableOp {
    func lower(_ context: LoweringContext) throws -> Kernel {
        let count = context.results[0].elementCount
        let block = 4096
        return Kernel("squared_relu", inPlaceOperands: [0]) { arguments in
            let (x, y) = (arguments.input(0), arguments.output())
            arguments.pool.parallelFor((count + block - 1) / block) { index, _ in
                for i in index * block..<min(count, (index + 1) * block) { y[i] = x[i] > 0 ? x[i] * x[i] : 0 }
            }
        }
    }
}
