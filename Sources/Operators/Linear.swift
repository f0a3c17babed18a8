import Files
import GraphIR
import Tensors

/// `y = x W^T + b` over the last dimension, with all that can be folded into it.
///
/// As imported: operands `input` [..., K], `weight` [N, K] and, if there are three, `bias` [N]. A weight may have the shape
/// [N, K, 1, 1] of a 1x1 convolution.
///
/// Rewriting folds neighbours in: `y = epilogue(prologue(x) W^T)`. The operands stand in the order in which they are used.
/// - `weights`: so many of them, whose rows are one behind the other.
/// - `prologue`: `layer_norm` with `epsilon`; or `scale_shift` of each column (a group norm's, of x [B, T, K]) and `silu`.
/// - `epilogue`: `add_bias`, `silu`, `gelu` or `geglu`, which makes the result half as wide, `add_residual`, `take_moments` (of [B, T, N]).
public struct Linear: FusedOp {
    public static let name = "linear"
    public static let family = OpFamily.product

    public var epsilon: Float?
    public var weights: Int?
    public var prologue: [PrologueStep]?
    public var epilogue: [EpilogueStep]?

    public init() {}

    public var weightCount: Int { min(max(weights ?? 1, 1), Linear.mostWeights) }
    private static let mostWeights = 1 << 16

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        guard weightCount == weights ?? 1 else { throw InputError("\(weights ?? 1) weights are too few or too many") }
        let operands = try fusedTypes(
            types, reading: [.layerNorm, .scaleShift, .silu], writing: [.addBias, .silu, .gelu, .geglu, .addResidual, .takeMoments])
        let x = operands.input
        try Inference.requireFloat(x, "input")
        try Inference.requireRowMajor(types)
        guard x.shape.rank >= 1 else { throw InputError("a scalar has no columns") }
        var width = 0
        for weight in operands.weights {
            guard weight.shape.rank == 2 || weight.shape.dimensions.dropFirst(2) == [1, 1] else {
                throw InputError("the weight has shape \(weight.shape), which is no matrix")
            }
            try Inference.requireFloat(weight, "weight")
            guard weight.shape[1] == x.shape[-1] else {
                throw InputError("\(x.shape[-1]) columns do not go with weights \(weight.shape)")
            }
            width += weight.shape[0]
        }
        for (weight, bias) in zip(operands.weights, operands[.addBias] ?? []) { try Inference.requireShape(bias, [weight.shape[0]], "bias") }
        for norm in operands[.layerNorm] ?? [] { try Inference.requireShape(norm, [x.shape[-1]], "scale or bias of the norm") }
        for norm in operands[.scaleShift] ?? [] { try Inference.requireShape(norm, [x.shape[0], x.shape[-1]], "scale or shift") }
        var shape = x.shape
        shape[-1] = width
        if operands.activation == .geglu {
            guard width % 2 == 0, operands.weights.count == 1 else { throw InputError("geglu halves one weight of an even number of rows") }
            shape[-1] = width / 2
        }
        for residual in operands[.addResidual] ?? [] { try Inference.requireShape(residual, shape, "residual") }
        guard operands[.takeMoments] != nil else { return [TensorType(x.elementType, shape)] }
        try Inference.requireRank(x, 3, "input of a layer with moments")
        return [TensorType(x.elementType, shape), TensorType(x.elementType, [shape[0], shape[2], 2])]
    }

    public func floatingPointOperations(operands types: [TensorType], results: [TensorType]) -> Int {
        let operands = fusedOperands(types)!
        let columns = operands.input.shape[-1]
        return .saturatingProduct(
            2, columns == 0 ? 0 : operands.input.elementCount / columns, operands.weights.reduce(0) { $0 + $1.elementCount })
    }
}

extension Linear: DifferentiableOp {
    /// `g W`
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireImported(self, operand: index)
        guard weights ?? 1 == 1, b.type(b.operands[1]).shape.rank == 2, b.type(b.operands[0]).shape.rank >= 2 else {
            throw InputError("there is a rule for one matrix [N, K] and an input [..., T, K] alone")
        }
        return try b.apply(MatMul(), b.gradient(), b.operands[1])
    }
}
