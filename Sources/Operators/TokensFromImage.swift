import GraphIR
import Tensors

/// [N, C, H, W] to [N, H W, C]: each pixel becomes a token. A view of a channels-last image, a transposition otherwise.
public struct TokensFromImage: Op {
    public static let name = "tokens_from_image"
    public static let family = OpFamily.movement

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        try Inference.requireRank(x, 4, "image")
        return [TensorType(x.elementType, [x.shape[0], x.shape[2] * x.shape[3], x.shape[1]])]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension TokensFromImage: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.apply(ImageFromTokens(), b.gradient(), b.operands[0]) }
}
