import CKernels
import Files
import GraphIR
import Operators
import Tensors

/// OpenBLAS runs one thread; our pool splits the work, in the same way for any number of threads.
enum BLAS {
    /// Throws where sizes or distances are larger than OpenBLAS can count, or there is no OpenBLAS.
    static func requireFit(_ sizes: Int...) throws {
        _ = try OpenBLAS.library.get()
        guard sizes.allSatisfy({ $0 <= Int(Int32.max) }) else { throw InputError("a product with sizes \(sizes) is too large") }
    }

    /// C [m, n] = A B, or with A^T or B^T: A is [m, k], or [k, m] with `transposeA`; B is [k, n], or [n, k] with `transposeB`.
    static func multiply(
        m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false, b: UnsafePointer<Float>, ldb: Int, transposeB: Bool,
        c: UnsafeMutablePointer<Float>, ldc: Int, accumulate: Bool = false
    ) {
        guard m > 0, n > 0 else { return }
        guard k > 0 else {
            for row in 0..<(accumulate ? 0 : m) { (c + row * ldc).update(repeating: 0, count: n) }
            return
        }
        guard let sgemm = try? OpenBLAS.library.get().sgemm else { preconditionFailure("a product whose sizes were not checked") }
        sgemm(
            OpenBLAS.rowMajor, transposeA ? OpenBLAS.transposed : OpenBLAS.plain, transposeB ? OpenBLAS.transposed : OpenBLAS.plain, Int32(m), Int32(n),
            Int32(k), 1, a, Int32(lda), b, Int32(ldb), accumulate ? 1 : 0, c, Int32(ldc))
    }
}

/// A range cut into pieces of at most `size`.
struct Blocks {
    let count: Int
    let size: Int
    let total: Int

    init(_ total: Int, size: Int) {
        self.total = total
        self.size = max(1, size)
        count = (total + self.size - 1) / self.size
    }

    func range(_ index: Int) -> Range<Int> { index * size..<min(total, (index + 1) * size) }
}

/// Where in an operand of a product each matrix of the result finds its own, in elements; those of a batch of one serve all.
func matrixOffsets(of operand: Shape, in result: Shape) -> [Int] {
    let batch = Array(result.dimensions.dropLast(2))
    let own = Array(repeating: 1, count: result.rank - operand.rank) + operand.dimensions.dropLast(2)
    let strides = Shape(own).rowMajorStrides
    let matrix = operand[-2] * operand[-1]
    return (0..<Shape(batch).elementCount).map { index in
        var (rest, offset) = (index, 0)
        for axis in batch.indices.reversed() {
            if own[axis] > 1 { offset += rest % batch[axis] * strides[axis] }
            rest /= batch[axis]
        }
        return offset * matrix
    }
}

extension MatMul: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (a, b, y) = (context.operands[0].shape, context.operands[1].shape, context.results[0].shape)
        let (m, n, k) = (y[-2], y[-1], a[-1])
        try BLAS.requireFit(m, n, k)
        let transposeB = transposeB
        let (aOffsets, bOffsets) = (matrixOffsets(of: a, in: y), matrixOffsets(of: b, in: y))
        let rows = Blocks(m, size: 256)
        return Kernel("matmul openblas") { arguments in
            let (x, w, out) = (arguments.input(0), arguments.input(1), arguments.output())
            arguments.pool.parallelFor(aOffsets.count * rows.count) { task, _ in
                let (matrix, range) = (task / rows.count, rows.range(task % rows.count))
                BLAS.multiply(
                    m: range.count, n: n, k: k, a: x + aOffsets[matrix] + range.lowerBound * k, lda: k, b: w + bOffsets[matrix],
                    ldb: transposeB ? k : n, transposeB: transposeB, c: out + (matrix * m + range.lowerBound) * n, ldc: n)
            }
        }
    }
}

extension Linear: LowerableOp {
    /// Whether our own kernel computes it, from packed weights.
    func runsFused(_ context: LoweringContext) -> Bool {
        let roles = roles(count: context.operands.count)
        let plain = Set(roles).isSubset(of: [.input, .weight, .bias]) && activation == nil && prologue == nil && moments != true
        guard plain, indices(of: .weight, count: roles.count).count == 1 else { return true }
        return context.options.packsWeights && context.parameterKeys[index(of: .weight, count: roles.count)!] != nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        guard !runsFused(context) else { return try lowerFused(context) }
        let roles = roles(count: context.operands.count)
        let (weight, bias) = (index(of: .weight, count: roles.count)!, index(of: .bias, count: roles.count))
        let (k, n) = (context.operands[weight].shape[1], context.operands[weight].shape[0])
        try BLAS.requireFit(k, n)
        let rows = Blocks(context.results[0].elementCount / n, size: 256)
        // Few rows are split by columns too, so that every thread has some.
        let columns = Blocks(n, size: rows.count < 4 ? max(64, (n + 3) / 4) : n)
        return Kernel("linear openblas") { arguments in
            let (x, w, b, y) = (arguments.input(0), arguments.input(weight), arguments.input(bias), arguments.output())
            arguments.pool.parallelFor(rows.count * columns.count) { task, _ in
                let (r, c) = (rows.range(task / columns.count), columns.range(task % columns.count))
                if let b {
                    for row in r { (y + row * n + c.lowerBound).update(from: b + c.lowerBound, count: c.count) }
                }
                BLAS.multiply(
                    m: r.count, n: c.count, k: k, a: x + r.lowerBound * k, lda: k, b: w + c.lowerBound * k, ldb: k, transposeB: true,
                    c: y + r.lowerBound * n + c.lowerBound, ldc: n, accumulate: b != nil)
            }
        }
    }
}

extension Conv2D: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let roles = roles(count: context.operands.count)
        let plain =
            Set(roles).isSubset(of: [.input, .weight, .bias]) && activation == nil && prologue == nil
            && inputChannels == nil && moments != true && (upsampling ?? 1) == 1
        let images = Set(roles.indices.filter { Operand.images.contains(roles[$0]) || roles[$0] == .residual })
        // Both kernels compute a plain convolution; what is folded into one only the channels-last kernels do.
        let weight = index(of: .weight, count: roles.count)!
        let suitsChannelsLast =
            context.results[0].layout == .channelsLast && hasChannelsLastKernel && context.parameterKeys[weight] != nil
            && context.operands[weight].elementCount > 0
        guard plain, !suitsChannelsLast else { return try context.inLayout(.channelsLast, images: images, lowerFused) }
        return try context.inLayout(.rowMajor, images: images, lowerIm2Col)
    }

    /// Convolution as a product of the weights with columns gathered for a block of output pixels at a time.
    private func lowerIm2Col(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands.count
        let (weight, bias) = (index(of: .weight, count: count)!, index(of: .bias, count: count))
        let (x, w, y) = (context.operands[0].shape, context.operands[weight].shape, context.results[0].shape)
        let groups = groups ?? 1
        let dilation = (dilation ?? [1, 1]).map(Int64.init)
        let (stride, padding) = (stride.map(Int64.init), padding.map(Int64.init))
        let (channels, height, width) = (x[1] / groups, x[2], x[3])
        let (outputs, kh, kw) = (w[0] / groups, w[2], w[3])
        let k = channels * kh * kw
        let pixelCount = y[2] * y[3]
        try BLAS.requireFit(outputs, pixelCount, k)
        // A 1x1 convolution reads the image itself as its columns.
        let direct = kh == 1 && kw == 1 && self.stride == [1, 1] && self.padding == [0, 0, 0, 0]
        // A block of columns of about a megabyte; small images are split by output channels as well.
        let pixels = Blocks(pixelCount, size: direct ? 512 : min(1024, max(32, (1 << 18) / max(1, k) / 16 * 16)))
        let outputBlocks = Blocks(outputs, size: pixels.count < 8 ? max(16, (outputs + 3) / 4) : outputs)
        let columnBytes = direct ? 0 : (k * pixels.size * 4 + 63) / 64 * 64
        let outWidth = y[3]
        return Kernel("conv2d im2col openblas", scratchByteCount: columnBytes * context.threadCount) { arguments in
            let (image, weights, b, result) = (arguments.input(0), arguments.input(weight), arguments.input(bias), arguments.output())
            let scratch = arguments.scratch
            arguments.pool.parallelFor(x[0] * groups * pixels.count * outputBlocks.count) { task, worker in
                let outputRange = outputBlocks.range(task % outputBlocks.count)
                var rest = task / outputBlocks.count
                let pixelRange = pixels.range(rest % pixels.count)
                rest /= pixels.count
                let (group, n) = (rest % groups, rest / groups)
                let source = image + (n * x[1] + group * channels) * height * width
                let firstOutput = group * outputs + outputRange.lowerBound
                let target = result + (n * y[1] + firstOutput) * pixelCount + pixelRange.lowerBound
                if let b {
                    for output in 0..<outputRange.count {
                        (target + output * pixelCount).update(repeating: b[firstOutput + output], count: pixelRange.count)
                    }
                }
                var columns = source + pixelRange.lowerBound
                var ld = pixelCount
                if !direct {
                    let gathered = (scratch + worker * columnBytes).assumingMemoryBound(to: Float.self)
                    ld = pixelRange.count
                    dd_im2col_nchw_f32(
                        gathered, source, Int64(channels), Int64(height), Int64(width), Int64(kh), Int64(kw), stride[0], stride[1],
                        padding[0], padding[1], dilation[0], dilation[1], Int64(outWidth), Int64(pixelRange.lowerBound),
                        Int64(pixelRange.count), Int64(ld))
                    columns = UnsafePointer(gathered)
                }
                BLAS.multiply(
                    m: outputRange.count, n: pixelRange.count, k: k, a: weights + firstOutput * k, lda: k, b: columns, ldb: ld,
                    transposeB: false, c: target, ldc: pixelCount, accumulate: b != nil)
            }
        }
    }
}
