import GraphIR
import Operators
import Tensors

extension ConvTranspose: LowerableOp {
    /// For each output channel the transposed weights times the image, whose rows are then added up where they belong.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, w, y) = (context.operands[0].shape, context.operands[1].shape, context.results[0].shape)
        // The convolution that this transposes reads the result and makes the operand.
        let window = SpatialWindow(
            input: Array(y.dimensions.dropFirst(2)), kernel: Array(w.dimensions.dropFirst(2)), output: Array(x.dimensions.dropFirst(2)),
            strides: strides, dilations: dilations, padding: Array(padding.prefix(x.rank - 2)))
        let groups = groups
        let (channels, outputs) = (x[1] / groups, w[1])
        let (kernelCount, pixelCount, resultCount) = (window.kernelCount, window.outputCount, window.inputCount)
        try BLAS.requireFit(channels, pixelCount, .saturatingProduct(outputs, kernelCount), .saturatingProduct(kernelCount, pixelCount))
        // As many output channels at a time as give a product of some size.
        let blocks = Blocks(outputs, size: max(1, min(64, (1 << 18) / max(1, kernelCount * pixelCount))))
        let columnBytes = (blocks.size * kernelCount * pixelCount * 4 + 63) / 64 * 64
        let hasBias = context.operands.count == 3
        return Kernel("conv_transpose openblas", scratchByteCount: columnBytes * context.threadCount) { arguments in
            let (image, weights, result) = (arguments.input(0), arguments.input(1), arguments.output())
            arguments.pool.parallelFor(x[0] * groups * blocks.count) { task, worker in
                let range = blocks.range(task % blocks.count)
                let (n, group) = (task / blocks.count / groups, task / blocks.count % groups)
                let columns = (arguments.scratch + worker * columnBytes).assumingMemoryBound(to: Float.self)
                BLAS.multiply(
                    m: range.count * kernelCount, n: pixelCount, k: channels,
                    a: weights + (group * channels * outputs + range.lowerBound) * kernelCount, lda: outputs * kernelCount, transposeA: true,
                    b: image + (n * x[1] + group * channels) * pixelCount, ldb: pixelCount, transposeB: false, c: columns, ldc: pixelCount)
                for output in range {
                    let channel = group * outputs + output
                    let target = result + (n * y[1] + channel) * resultCount
                    target.update(repeating: hasBias ? arguments.input(2)[channel] : 0, count: resultCount)
                    window.scatter(columns + (output - range.lowerBound) * kernelCount * pixelCount, into: target)
                }
            }
        }
    }
}

extension SpatialWindow {
    /// Adds rows [kernel, output] to the elements of the input that they meet.
    fileprivate func scatter(_ rows: UnsafePointer<Float>, into image: UnsafeMutablePointer<Float>) {
        let width = output[rank - 1]
        let step = strides[rank - 1]
        guard width > 0 else { return }
        for kernelPosition in 0..<kernelCount {
            let kernelIndex = SpatialWindow.indices(kernelPosition, kernel)
            let (inside, first) = self.columns(kernelIndex: kernelIndex[rank - 1])
            for row in 0..<outputCount / width {
                guard let offset = inputRow(kernelIndex: kernelIndex, outputRow: row) else { continue }
                let source = rows + kernelPosition * outputCount + row * width
                let target = image + offset + first
                for column in inside { target[column * step] += source[column] }
            }
        }
    }
}
