import CKernels
import GraphIR
import Operators
import Tensors

extension Multiply: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel { Kernel.binary("multiply", DD_BINARY_MUL, context) }
}
