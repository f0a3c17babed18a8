import Files
import GraphIR
import Tensors

/// Element-wise adaptive convolution (EAC): each channel of each pixel has a kernel of its own.
///
/// `y[c, p] = sum over i, j of kernel[c k k + i k + j, p] x[c, p + (i, j) - (k - 1) / 2]`, zero outside; with `residual`, x is
/// added. Operands: x [N, C, H, W] and the predicted kernels [N, C k k, H, W].
public struct ElementWiseAdaptiveConvolution: Op {
    public static let name = "element_wise_adaptive_convolution"
    public static let family = OpFamily.convolution

    public var kernelSize: Int
    public var residual: Bool

    public init(kernelSize: Int, residual: Bool) {
        self.kernelSize = kernelSize
        self.residual = residual
    }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(types, 2)
        let (x, kernel) = (types[0], types[1])
        try Inference.requireRank(x, 4, "image")
        try Inference.requireRank(kernel, 4, "kernel")
        guard kernelSize > 0, kernelSize % 2 == 1, kernelSize <= 255 else { throw InputError("kernel_size must be odd, up to 255") }
        try Inference.requireShape(
            kernel, [x.shape[0], x.shape[1] * kernelSize * kernelSize, x.shape[2], x.shape[3]], "kernel")
        guard x.layout == kernel.layout else { throw InputError("image and kernel have different layouts") }
        return [x]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        .saturatingProduct(2, results[0].elementCount, kernelSize, kernelSize)
    }
}
