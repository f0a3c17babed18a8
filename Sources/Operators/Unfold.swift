import Files
import GraphIR
import Tensors

/// Each pixel's neighbourhood: [N, C, H, W] to [N, C, kh kw, H, W], `y[n, c, i kw + j, p] = x[n, c, p + (i, j) - padding]`,
/// zero outside. The image keeps its size, so the padding is (kernel - 1) / 2.
public struct Unfold: Op {
    public static let name = "unfold"
    public static let family = OpFamily.movement

    public var kernelSize: [Int]

    public init(kernelSize: [Int]) { self.kernelSize = kernelSize }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requirePositive(kernelSize, "kernel_size", count: 2)
        guard kernelSize.allSatisfy({ $0 % 2 == 1 && $0 <= 255 }) else { throw InputError("kernel_size must be odd, up to 255") }
        let x = operands[0]
        try Inference.requireRank(x, 4, "image")
        try Inference.requireFloat(x, "image")
        guard x.layout == .rowMajor else { throw InputError("the image must be in row-major layout: \(x)") }
        return [
            TensorType(x.elementType, [x.shape[0], x.shape[1], kernelSize[0] * kernelSize[1], x.shape[2], x.shape[3]])
        ]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
