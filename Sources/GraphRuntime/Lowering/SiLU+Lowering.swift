import CKernels
import GraphIR
import Operators
import Tensors

extension SiLU: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { Kernel.unary("silu", DD_UNARY_SILU, context) }
}
