import CKernels
import GraphIR
import Operators
import Tensors

extension Add: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel { Kernel.binary("add", DD_BINARY_ADD, context) }
}
