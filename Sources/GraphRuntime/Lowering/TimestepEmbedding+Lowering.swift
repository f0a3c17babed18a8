import CKernels
import GraphIR
import Operators
import Tensors

extension TimestepEmbedding: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands[0].elementCount
        let (dimension, maxPeriod) = (dimension, maxPeriod)
        return Kernel("timestep_embedding") { arguments in
            for row in 0..<count {
                dd_timestep_embedding_f32(arguments.output() + row * dimension, arguments.input(0)[row], Int64(dimension), maxPeriod)
            }
        }
    }
}
