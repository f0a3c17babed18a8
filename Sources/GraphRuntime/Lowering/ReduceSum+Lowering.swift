import CKernels
import GraphIR
import Operators
import Tensors

extension ReduceSum: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.operands[0].shape
        let axis = axis < 0 ? axis + shape.rank : axis
        let outer = Int64(shape.dimensions[..<axis].reduce(1, *))
        let inner = Int64(shape.dimensions[(axis + 1)...].reduce(1, *))
        let reduced = Int64(shape[axis])
        return Kernel("reduce_sum") { dd_reduce_f32($0.pool.handle, DD_REDUCE_SUM, $0.output(), $0.input(0), outer, reduced, inner) }
    }
}
