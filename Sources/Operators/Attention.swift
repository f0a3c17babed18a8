import Files
import GraphIR
import Tensors

/// `y = softmax(scale Q K^T [+ causal mask]) V` for each head, over tokens [N, T, heads d].
///
/// The operands are query, key and value, each [N, T, heads d]; or, as `packing` says, key and value side by side in one
/// tensor [N, T, 2 heads d], or all three in one [N, T, 3 heads d]. Keys and values with N = 1 serve all queries.
public struct Attention: Op {
    public static let name = "attention"
    public static let family = OpFamily.attention

    public enum Packing: String, Codable, Sendable {
        /// Two operands: query; key and value.
        case keyValue = "key_value"
        /// One operand: query, key and value.
        case queryKeyValue = "query_key_value"
    }

    /// Kernels take no larger heads.
    public static let largestHeadSize = 4096  // DD_ATTENTION_MOST_CHANNELS

    /// Channels of one head, d.
    public var headSize: Int
    public var scale: Float
    public var causal: Bool
    public var packing: Packing?

    public init(headSize: Int, scale: Float, causal: Bool = false, packing: Packing? = nil) {
        self.headSize = headSize
        self.scale = scale
        self.causal = causal
        self.packing = packing
    }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(types, packing == nil ? 3 : packing == .keyValue ? 2 : 1)
        for type in types {
            try Inference.requireRank(type, 3, "operand")
            try Inference.requireFloat(type, "operand")
        }
        let query = types[0]
        let width = packing == .queryKeyValue ? query.shape[2] / 3 : query.shape[2]
        guard headSize > 0, headSize <= Attention.largestHeadSize else {
            throw InputError("heads have 1 to \(Attention.largestHeadSize) channels, not \(headSize)")
        }
        guard width > 0, width % headSize == 0, packing != .queryKeyValue || query.shape[2] % 3 == 0 else {
            throw InputError("\(query) does not divide into heads of \(headSize)")
        }
        if packing != .queryKeyValue {
            let (key, value) = (types[1], types.last!)
            let keyWidth = packing == .keyValue ? key.shape[2] / 2 : key.shape[2]
            guard keyWidth == width, packing != .keyValue || key.shape[2] == 2 * width,
                key.shape[0] == query.shape[0] || key.shape[0] == 1, key.shape == value.shape, key.shape[1] > 0
            else { throw InputError("query \(query), key \(key) and value \(value) do not go together") }
            guard !causal || key.shape[1] == query.shape[1] else { throw InputError("a causal mask is square") }
        }
        return [TensorType(query.elementType, [query.shape[0], query.shape[1], width])]
    }

    /// The number of keys for these operands.
    public func keyCount(_ types: [TensorType]) -> Int { types[packing == .queryKeyValue ? 0 : 1].shape[1] }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        let heads = results[0].shape[2] / headSize
        return .saturatingProduct(results[0].shape[0], heads, results[0].shape[1], keyCount(operands), 4 * headSize + 5)
    }
}

extension Attention: DifferentiableOp {
    /// With scores S = scale Q K^T, P = softmax S and G = g V^T of each head: V's is `P^T g`; with dS = scale P (G - sum G P), Q's is `dS K` and K's `dS^T Q`.
    ///
    /// The matrices of T x T numbers are values: it takes the memory of several of them.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        guard packing == nil else { throw InputError("there is no rule for packed operands") }
        let (query, key, value) = (try heads(b.operands[0], &b), try heads(b.operands[1], &b), try heads(b.operands[2], &b))
        let gradient = try heads(b.gradient(), &b)
        var scores = try b.apply(Scale(factor: scale), b.apply(MatMul(transposeB: true), query, key))
        if causal { scores = try b.apply(CausalMask(), scores) }
        let shares = try b.apply(Softmax(), scores)
        /// `a^T c`, without moving the larger matrix c.
        func product(_ a: ValueID, _ c: ValueID) throws -> ValueID { try b.transposed(b.apply(MatMul(), b.transposed(a), c)) }
        if index == 2 { return try b.summed(merged(product(gradient, shares), &b), toOperand: index) }
        let ofScores = try b.apply(Scale(factor: scale), b.softmaxGradient(b.apply(MatMul(transposeB: true), gradient, value), result: shares))
        return try b.summed(merged(index == 0 ? b.apply(MatMul(), ofScores, key) : product(query, ofScores), &b), toOperand: index)
    }

    /// [N, T, heads d] to [N, heads, T, d].
    private func heads(_ x: ValueID, _ b: inout Differentiation) throws -> ValueID {
        try b.apply(Transpose(permutation: [0, 2, 1, 3]), b.apply(Unflatten(axis: 2, sizes: [-1, headSize]), x))
    }

    private func merged(_ x: ValueID, _ b: inout Differentiation) throws -> ValueID {
        try b.apply(Flatten(first: 2, last: 3), b.apply(Transpose(permutation: [0, 2, 1, 3]), x))
    }
}
