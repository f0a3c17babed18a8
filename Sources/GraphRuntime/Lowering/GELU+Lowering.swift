import CKernels
import GraphIR
import Operators
import Tensors

extension GELU: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { Kernel.unary("gelu", DD_UNARY_GELU, context) }
}
