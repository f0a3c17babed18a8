import CKernels
import GraphIR
import Operators
import Tensors

extension Unfold: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let (kh, kw) = (Int64(kernelSize[0]), Int64(kernelSize[1]))
        return Kernel("unfold") {
            dd_unfold_nchw_f32($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, kh, kw, (kh - 1) / 2, (kw - 1) / 2)
        }
    }
}
