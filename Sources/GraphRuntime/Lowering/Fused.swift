import CKernels
import GraphIR
import Operators
import Tensors

extension Linear {
    func lowerFused(_ context: LoweringContext) throws -> Kernel { throw InputError("not yet") }
}
extension Conv2D {
    func lowerFused(_ context: LoweringContext) throws -> Kernel { throw InputError("not yet") }
}
