import GraphIR
import Operators
import Tensors

extension Convolution: LowerableOp {
    /// A product of the weights with columns gathered for a block of output elements at a time.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, w, y) = (context.operands[0].shape, context.operands[1].shape, context.results[0].shape)
        let window = SpatialWindow(
            input: Array(x.dimensions.dropFirst(2)), kernel: Array(w.dimensions.dropFirst(2)), output: Array(y.dimensions.dropFirst(2)),
            strides: strides, dilations: dilations, padding: Array(padding.prefix(x.rank - 2)))
        let groups = groups
        let (channels, outputs) = (w[1], w[0] / groups)
        let (kernelCount, outputCount, inputCount) = (window.kernelCount, window.outputCount, window.inputCount)
        let k = channels * kernelCount
        try BLAS.requireFit(outputs, outputCount, k)
        let pixels = Blocks(outputCount, size: min(1024, max(32, (1 << 18) / max(1, k) / 16 * 16)))
        let columnBytes = (k * pixels.size * 4 + 63) / 64 * 64
        let hasBias = context.operands.count == 3
        return Kernel("convolution im2col openblas", scratchByteCount: columnBytes * context.threadCount) { arguments in
            let (image, weights, result) = (arguments.input(0), arguments.input(1), arguments.output())
            arguments.pool.parallelFor(x[0] * groups * pixels.count) { task, worker in
                let range = pixels.range(task % pixels.count)
                let (n, group) = (task / pixels.count / groups, task / pixels.count % groups)
                let source = image + (n * x[1] + group * channels) * inputCount
                let columns = (arguments.scratch + worker * columnBytes).assumingMemoryBound(to: Float.self)
                window.gather(source, channels: channels, range, into: columns)
                let target = result + (n * y[1] + group * outputs) * outputCount + range.lowerBound
                for output in 0..<outputs where hasBias {
                    (target + output * outputCount).update(repeating: arguments.input(2)[group * outputs + output], count: range.count)
                }
                BLAS.multiply(
                    m: outputs, n: range.count, k: k, a: weights + group * outputs * k, lda: k, b: columns, ldb: range.count,
                    transposeB: false, c: target, ldc: outputCount, accumulate: hasBias)
            }
        }
    }
}

extension SpatialWindow {
    /// Columns [channels x kernel, pixels]: what each element of the kernel meets at these output elements, zero outside.
    fileprivate func gather(_ image: UnsafePointer<Float>, channels: Int, _ pixels: Range<Int>, into columns: UnsafeMutablePointer<Float>) {
        let width = output[rank - 1]
        let step = strides[rank - 1]
        for kernelPosition in 0..<kernelCount {
            let kernelIndex = SpatialWindow.indices(kernelPosition, kernel)
            let (inside, first) = self.columns(kernelIndex: kernelIndex[rank - 1])
            for row in pixels.lowerBound / width...(pixels.upperBound - 1) / width {
                let part = (row * width..<(row + 1) * width).clamped(to: pixels)
                let place = part.lowerBound - pixels.lowerBound
                let valid = inside.clamped(to: part.lowerBound - row * width..<part.upperBound - row * width)
                let offset = inputRow(kernelIndex: kernelIndex, outputRow: row)
                for channel in 0..<channels {
                    let target = columns + (channel * kernelCount + kernelPosition) * pixels.count + place
                    guard let offset, !valid.isEmpty else {
                        target.update(repeating: 0, count: part.count)
                        continue
                    }
                    let source = image + channel * inputCount + offset + first
                    let start = part.lowerBound - row * width
                    target.update(repeating: 0, count: valid.lowerBound - start)
                    for column in valid { target[column - start] = source[column * step] }
                    (target + (valid.upperBound - start)).update(repeating: 0, count: start + part.count - valid.upperBound)
                }
            }
        }
    }
}
