import CKernels
import GraphIR
import Operators
import Tensors

extension LayerNorm: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let columns = context.results[0].shape[-1]
        let rows = Int64(columns == 0 ? 0 : context.results[0].elementCount / columns)
        let epsilon = epsilon
        @Sendable func run(_ arguments: KernelArguments, from first: Int, _ rows: Int64) {
            dd_layer_norm_f32(
                arguments.pool.handle, arguments.output() + first, arguments.input(0) + first, arguments.input(1), arguments.input(2), rows, Int64(columns),
                epsilon)
        }
        var kernel = Kernel("layer_norm", inPlaceOperands: [0]) { run($0, from: 0, rows) }
        // Channels of an image that lies otherwise are no rows.
        guard let rowCount = context.results[0].rowCount, context.results[0].layout == .rowMajor || context.results[0].isLayoutFree else { return kernel }
        let rowSize = context.results[0].elementCount / rowCount
        kernel.strips = StripKernel(reads: [0: StripKernel.sameRows]) { arguments, strip, _ in
            run(arguments, from: strip.lowerBound * rowSize, Int64(strip.count * rowSize / columns))
        }
        return kernel
    }
}
