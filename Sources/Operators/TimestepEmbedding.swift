import Files
import GraphIR
import Tensors

/// `y = [cos(t f), sin(t f)]` with `f[k] = exp(-ln(max_period) k / (dimension / 2))`, for a timestep t: [N] to [N, dimension].
public struct TimestepEmbedding: Op {
    public static let name = "timestep_embedding"
    public static let family = OpFamily.other

    public var dimension: Int
    public var maxPeriod: Float

    public init(dimension: Int, maxPeriod: Float = 10000) {
        self.dimension = dimension
        self.maxPeriod = maxPeriod
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        let x = try Inference.unary(operands)[0]
        try Inference.requireRank(x, 1, "timestep")
        guard dimension > 0 else { throw InputError("the dimension must be positive") }
        return [TensorType(x.elementType, [x.shape[0], dimension])]
    }
}
