import CKernels
import GraphIR
import Operators
import Tensors

extension LayerNorm: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let columns = context.results[0].shape[-1]
        let rows = Int64(columns == 0 ? 0 : context.results[0].elementCount / columns)
        let epsilon = epsilon
        return Kernel("layer_norm", inPlaceOperands: [0]) {
            dd_layer_norm_f32($0.pool.handle, $0.output(), $0.input(0), $0.input(1), $0.input(2), rows, Int64(columns), epsilon)
        }
    }
}
