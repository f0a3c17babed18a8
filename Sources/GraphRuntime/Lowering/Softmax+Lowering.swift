import CKernels
import GraphIR
import Operators
import Tensors

extension Softmax: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let columns = context.results[0].shape[-1]
        let rows = Int64(columns == 0 ? 0 : context.results[0].elementCount / columns)
        return Kernel("softmax", inPlaceOperands: [0]) {
            dd_softmax_f32($0.pool.handle, $0.output(), $0.input(0), rows, Int64(columns))
        }
    }
}
