import Files
import GraphIR
import Tensors

/// `y = x W^T + b` over the last dimension, with all that can be folded into it.
///
/// As imported: operands `input` [..., K], `weight` [N, K] and, if there are three, `bias` [N]. A weight may have the shape
/// [N, K, 1, 1] of a 1x1 convolution.
///
/// Rewriting folds neighbours in. What the operands are then stands in `operands`:
/// - several `weight` (and as many `bias`, or none): the rows of all, one behind the other;
/// - `row_scale`, `row_bias` [K] with `epsilon`: the input goes through a layer norm first;
/// - `norm_scale`, `norm_shift` [B, K]: each column is read as `scale x + shift` (a group norm's), then `prologue`;
/// - then `y = activation(x W^T + b) + residual`; with `geglu` the result is half as wide;
/// - `moments`: a second result [B, N, 2], the mean and the variance of each column of `y` [B, T, N].
public struct Linear: Op {
    public static let name = "linear"

    public enum Operand: String, Codable, Sendable, CaseIterable {
        case input, weight, bias, residual
        case rowScale = "row_scale", rowBias = "row_bias"
        case normScale = "norm_scale", normShift = "norm_shift"
    }

    public var epsilon: Float?
    public var prologue: Activation?
    public var activation: Activation?
    public var moments: Bool?
    /// The roles of the operands in order; nil for input, weight and possibly bias.
    public var operands: [Operand]?

    public init(activation: Activation? = nil) { self.activation = activation }

    public func roles(count: Int) -> [Operand] { operands ?? Array([.input, .weight, .bias].prefix(count)) }

    public func indices(of role: Operand, count: Int) -> [Int] {
        roles(count: count).enumerated().filter { $0.element == role }.map(\.offset)
    }

    public func index(of role: Operand, count: Int) -> Int? { roles(count: count).firstIndex(of: role) }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        let roles = roles(count: types.count)
        guard roles.count == types.count, roles.filter({ $0 == .input }).count == 1, roles.contains(.weight) else {
            throw InputError("the operands \(roles.map(\.rawValue)) do not go with \(types.count) values")
        }
        func all(_ role: Operand) -> [TensorType] { zip(roles, types).filter { $0.0 == role }.map(\.1) }
        let x = all(.input)[0]
        try Inference.requireFloat(x, "input")
        try Inference.requireRowMajor(types)
        guard x.shape.rank >= 1 else { throw InputError("a scalar has no columns") }
        let (weights, biases) = (all(.weight), all(.bias))
        var width = 0
        for weight in weights {
            guard weight.shape.rank == 2 || weight.shape.dimensions.dropFirst(2) == [1, 1] else {
                throw InputError("the weight has shape \(weight.shape), which is no matrix")
            }
            try Inference.requireFloat(weight, "weight")
            guard weight.shape[1] == x.shape[-1] else {
                throw InputError("\(x.shape[-1]) columns do not go with weights \(weight.shape)")
            }
            width += weight.shape[0]
        }
        guard biases.isEmpty || biases.count == weights.count else { throw InputError("as many biases as weights are needed") }
        for (weight, bias) in zip(weights, biases) { try Inference.requireShape(bias, [weight.shape[0]], "bias") }
        for role in [Operand.rowScale, .rowBias] {
            for norm in all(role) { try Inference.requireShape(norm, [x.shape[-1]], role.rawValue) }
        }
        for role in [Operand.normScale, .normShift] {
            for norm in all(role) { try Inference.requireShape(norm, [x.shape[0], x.shape[-1]], role.rawValue) }
        }
        var shape = x.shape
        shape[-1] = width
        if activation == .geglu {
            guard width % 2 == 0, weights.count == 1 else { throw InputError("geglu halves one weight of an even number of rows") }
            shape[-1] = width / 2
        }
        for residual in all(.residual) { try Inference.requireShape(residual, shape, "residual") }
        guard moments == true else { return [TensorType(x.elementType, shape)] }
        try Inference.requireRank(x, 3, "input of a layer with moments")
        return [TensorType(x.elementType, shape), TensorType(x.elementType, [shape[0], shape[2], 2])]
    }

    public func floatingPointOperations(operands types: [TensorType], results: [TensorType]) -> Int {
        let roles = roles(count: types.count)
        let x = types[roles.firstIndex(of: .input)!]
        let weights = zip(roles, types).filter { $0.0 == .weight }.reduce(0) { $0 + $1.1.elementCount }
        return .saturatingProduct(2, x.shape[-1] == 0 ? 0 : x.elementCount / x.shape[-1], weights)
    }
}
