import GraphIR
import Operators

/// Raises a sum of products with unfolded neighbourhoods to an element-wise adaptive convolution, with the image added.
///
///     %u = unfold(%x) {kernel_size = [5, 5]}
///     %k = unflatten(%kernel) {axis = 1, sizes = [-1, 25]}
///     %p = multiply(%u, %k)
///     %s = reduce_sum(%p) {axis = 2}
///     %y = add(%s, %x)
/// becomes
///     %y = element_wise_adaptive_convolution(%x, %kernel) {kernel_size = 5, residual = true}
///
/// Without the `add`, `residual = false`. Any view that gives the kernels the shape of the neighbourhoods will do.
public struct FuseUnfoldDot: RuleSetPass {
    public static let name = "fuse_unfold_dot"

    public init() {}

    public var rules: [any RewriteRule] { [RaiseSum(), AbsorbResidual()] }

    private struct RaiseSum: RewriteRule {
        func rewrite(_ node: NodeID, op: ReduceSum, editor: inout GraphEditor) throws -> Bool {
            let operand = editor.graph[node].operands[0]
            guard op.axis == 2 || op.axis == -3, editor.type(operand).shape.rank == 5,
                let product = editor.matchOnlyUsed(Multiply.self, making: operand)
            else { return false }
            for (first, second) in [(0, 1), (1, 0)] {
                guard let unfold = editor.match(Unfold.self, making: product.operands[first]),
                    let kernels = editor.matchView(making: product.operands[second]),
                    unfold.op.kernelSize[0] == unfold.op.kernelSize[1],
                    case let (size, image, kernel) = (unfold.op.kernelSize[0], unfold.operands[0], kernels.operand),
                    case let (n, c, h, w) = editor.imageSizes(image),
                    editor.type(product.operands[second]).shape == [n, c, size * size, h, w],
                    editor.type(kernel).shape == [n, c * size * size, h, w]
                else { continue }
                try editor.replace(
                    node, with: ElementWiseAdaptiveConvolution(kernelSize: size, residual: false), [image, kernel],
                    absorbing: [product.node, unfold.node, kernels.node])
                return true
            }
            return false
        }
    }

    private struct AbsorbResidual: RewriteRule {
        func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            for (first, second) in [(0, 1), (1, 0)] {
                guard let convolution = editor.matchOnlyUsed(ElementWiseAdaptiveConvolution.self, making: operands[first]),
                    !convolution.op.residual, convolution.operands[0] == operands[second]
                else { continue }
                var fused = convolution.op
                fused.residual = true
                try editor.replace(node, with: fused, convolution.operands, absorbing: [convolution.node])
                return true
            }
            return false
        }
    }
}

extension GraphEditor {
    fileprivate func imageSizes(_ image: ValueID) -> (n: Int, c: Int, h: Int, w: Int) {
        let shape = type(image).shape
        return (shape[0], shape[1], shape[2], shape[3])
    }
}
