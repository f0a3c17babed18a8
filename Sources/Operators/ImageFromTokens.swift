import Files
import GraphIR
import Tensors

/// [N, H W, C] to [N, C, H, W], with height, width and layout of a second operand [N, _, H, W] whose numbers are not read.
public struct ImageFromTokens: Op {
    public static let name = "image_from_tokens"
    public static let family = OpFamily.movement

    public init() {}

    public func readsData(ofOperand index: Int) -> Bool { index == 0 }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        let (tokens, like) = (operands[0], operands[1])
        try Inference.requireRank(tokens, 3, "tokens")
        try Inference.requireRank(like, 4, "image to be like")
        let pixels = like.shape[2] * like.shape[3]
        guard tokens.shape[0] == like.shape[0], tokens.shape[1] == pixels else {
            throw InputError("\(tokens) has not a token for each pixel of \(like)")
        }
        return [
            TensorType(
                tokens.elementType, [like.shape[0], tokens.shape[2], like.shape[2], like.shape[3]], layout: like.layout)
        ]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension ImageFromTokens: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.apply(TokensFromImage(), b.gradient()) }
}
