import CKernels
import GraphIR
import Operators
import Tensors

extension Embedding: LowerableOp {
    /// The row numbers are i32.
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let count = Int64(context.operands[0].elementCount)
        let (rows, columns) = (Int64(context.operands[1].shape[0]), Int64(context.operands[1].shape[1]))
        return Kernel("embedding") { arguments in
            dd_embedding(
                arguments.pool.handle, arguments.results[0], arguments.operands[1],
                UnsafePointer(arguments.operands[0].assumingMemoryBound(to: Int32.self)), count, columns * 4, rows)
        }
    }
}
