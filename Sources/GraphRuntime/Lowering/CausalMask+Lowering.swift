import CKernels
import GraphIR
import Operators
import Tensors

extension CausalMask: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.results[0].shape
        let (rows, columns) = (Int64(shape[-2]), Int64(shape[-1]))
        let batch = Int64(shape.dimensions.dropLast(2).reduce(1, *))
        return Kernel("causal_mask", inPlaceOperands: [0]) {
            dd_causal_mask_f32($0.pool.handle, $0.output(), $0.input(0), batch, rows, columns)
        }
    }
}
