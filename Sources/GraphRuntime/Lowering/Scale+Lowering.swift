import CKernels
import GraphIR
import Operators
import Tensors

extension Scale: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { Kernel.unary("scale", DD_UNARY_LINEAR, context, factor) }
}
