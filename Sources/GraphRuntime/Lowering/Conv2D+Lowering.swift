import CKernels
import Files
import GraphIR
import Operators
import Tensors

extension Conv2D: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let fused = fusedOperands(Array(context.operands.indices))!
        let plain = prologue == nil && epilogue == nil && inputChannels == nil && flipsWeight != true && (upsampling ?? 1) == 1
        let images = Set(fused.images.flatMap { [$0.image, $0.addend].compactMap { $0 } } + (fused[.addResidual] ?? []))
        // Both kernels compute a plain convolution; what is folded into one only the channels-last kernels do.
        let weight = fused.weights[0]
        let suitsChannelsLast =
            context.results[0].layout == .channelsLast && hasChannelsLastKernel && context.parameterKeys[weight] != nil
            && context.operands[weight].elementCount > 0
        guard plain, !suitsChannelsLast else { return try context.inLayout(.channelsLast, images: images, lowerFused) }
        return try context.inLayout(.rowMajor, images: images, lowerIm2Col)
    }

    /// A convolution of channels-last images with packed weights, and all that is folded into it.
    private func lowerFused(_ context: LoweringContext) throws -> Kernel {
        let fused = fusedOperands(Array(context.operands.indices))!
        let images = fused.images
        let (x, weight) = (context.operands[fused.input], readShape(ofWeight: context.operands[fused.weights[0]].shape))
        let noKernel = InputError("there is no kernel for a convolution with these attributes: \(attributes)")
        guard hasChannelsLastKernel else { throw noKernel }

        var template = dd_conv_args()
        (template.batch, template.height, template.width) = (Int64(x.shape[0]), Int64(x.shape[2]), Int64(x.shape[3]))
        (template.cin0, template.cin1) = (Int64(x.shape[1]), Int64(images.count > 1 ? context.operands[images[1].image].shape[1] : 0))
        (template.cout, template.kh, template.kw) = (Int64(weight[0]), Int64(weight[2]), Int64(weight[3]))
        template.stride = Int64(stride[0])
        (template.pad_top, template.pad_left, template.pad_bottom, template.pad_right) =
            (Int64(padding[0]), Int64(padding[1]), Int64(padding[2]), Int64(padding[3]))
        let (norm, channelAddend, residual) = (fused[.scaleShift], fused[.addPerChannel]?.first, fused[.addResidual]?.first)
        template.silu = prologue?.contains(.silu) == true ? 1 : 0
        template.activation = fused.activation == .silu ? DD_ACTIVATION_SILU : DD_ACTIVATION_NONE
        template.channel_add_per_image = (channelAddend.map { context.operands[$0].shape[0] } ?? 1) > 1 ? 1 : 0
        let takesMoments = fused[.takeMoments] != nil
        template.takes_moments = takesMoments ? 1 : 0

        template.upsamples = upsampling == 2 ? 1 : 0

        guard let choice = context.options.chooser.convolution(template, options: context.options) else { throw noKernel }
        let algorithm = choice.algorithm
        let precision = dd_conv_precision(algorithm.handle, context.options.precision.products, &template)
        let (second, bias) = (images.count > 1 ? images[1] : nil, fused[.addBias]?.first)
        // It has no pointers.
        nonisolated(unsafe) let call = template
        @Sendable func run(_ arguments: KernelArguments, _ rows: Range<Int>, _ takesMoments: Bool, _ state: UnsafeMutableRawPointer?) {
            var args = call
            (args.x0, args.x1) = (arguments.input(images[0].image), arguments.input(second?.image))
            (args.x0_add, args.x1_add) = (arguments.input(images[0].addend), arguments.input(second?.addend))
            (args.scale, args.shift) = (arguments.input(norm?[0]), arguments.input(norm?[1]))
            (args.bias, args.channel_add, args.residual) = (arguments.input(bias), arguments.input(channelAddend), arguments.input(residual))
            args.y = arguments.output()
            args.takes_moments = takesMoments ? 1 : 0
            if takesMoments { args.moments = arguments.output(1) }
            (args.row_begin, args.row_end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
            args.running_moments = state?.assumingMemoryBound(to: Double.self)
            let status = dd_conv(arguments.pool.handle, algorithm.handle, precision, &args, arguments.packed[0], arguments.scratch)
            precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
        }
        var kernel = Kernel(
            "conv \(algorithm) \(precision.label)", choice: choice.reason,
            scratchByteCount: Int(dd_conv_scratch_bytes(algorithm.handle, precision, &template, Int32(context.threadCount))),
            inPlaceOperands: [residual].compactMap { $0 },
            packings: [packedWeight(try context.requiredKey(fused.weights[0], "weight"), algorithm, precision, template)], packedOperands: [fused.weights[0]]
        ) { run($0, 0..<0, takesMoments, nil) }
        guard template.batch == 1 else { return kernel }

        let (threads, channels) = (Int32(context.threadCount), Int(template.cout))
        @Sendable func sized(_ takesMoments: Bool) -> dd_conv_args {
            var args = call
            args.takes_moments = takesMoments ? 1 : 0
            return args
        }
        let inputRows: StripKernel.Reads = { rows in
            var (args, first, last) = (call, Int64(0), Int64(0))
            dd_conv_input_rows(algorithm.handle, &args, Int64(rows.lowerBound), Int64(rows.upperBound), &first, &last)
            return Int(first)..<Int(last)
        }
        var reads: [Int: StripKernel.Reads] = [:]
        for image in images { for index in [image.image, image.addend].compactMap({ $0 }) { reads[index] = inputRows } }
        if let residual { reads[residual] = StripKernel.sameRows }
        var strips = StripKernel(reads: reads) { arguments, rows, state in run(arguments, rows, state != nil, state) }
        var (plain, summing) = (sized(false), sized(true))
        strips.rowStep = Int(dd_conv_row_step(algorithm.handle, precision, &plain))
        if takesMoments { strips.summingRowStep = Int(dd_conv_row_step(algorithm.handle, precision, &summing)) }
        strips.stateByteCount = takesMoments ? 2 * 8 * channels : 0
        // The last rows of an image need not fill a tile, but take what a whole one does.
        let (tile, height) = (strips.rowStep, Int(dd_conv_out_height(&plain)))
        strips.scratchByteCount = { rows, sums in
            var args = sized(sums)
            args.row_end = Int64(min((rows + tile - 1) / tile * tile, height))
            let byteCount = Int(dd_conv_scratch_bytes(algorithm.handle, precision, &args, threads))
            precondition(byteCount > 0, "rows that a convolution can be asked for")
            return byteCount
        }
        kernel.strips = strips
        return kernel
    }

    private func packedWeight(_ key: String, _ algorithm: ConvolutionAlgorithm, _ precision: dd_precision, _ args: dd_conv_args) -> Packing {
        // It has no pointers.
        nonisolated(unsafe) let call = args
        var sizes = args
        let (inputChannels, flips) = (inputChannels, flipsWeight == true)
        return Packing(
            "conv \(algorithm) \(precision.rawValue) \(inputChannels ?? [])\(flips ? " flipped" : "") \(key)",
            byteCount: dd_conv_packed_bytes(algorithm.handle, precision, &sizes), of: [key]
        ) { memory, parameters in
            let stored = try parameters.stored(key)
            let isPackedFrom = [.float32, .float16, .bfloat16].contains(stored.type.elementType)
            var tensor = isPackedFrom ? stored : try parameters.float32(key)
            if flips { tensor = flipped(tensor) }
            if let inputChannels { tensor = sliced(tensor, inputChannels) }
            var sizes = call
            let (pool, type) = (parameters.pool.handle, tensor.type.elementType.kernelType)
            let status = tensor.withBytes { dd_conv_pack(pool, algorithm.handle, precision, memory, $0.baseAddress, type, &sizes) }
            precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
        }
    }

    /// Convolution as a product of the weights with columns gathered for a block of output pixels at a time.
    private func lowerIm2Col(_ context: LoweringContext) throws -> Kernel {
        let (weight, bias) = (1, context.operands.count > 2 ? 2 : nil)
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

/// A weight [C, O, kh, kw] as [O, C, kh, kw], read from the ends of its last two dimensions.
private func flipped(_ weight: Tensor) -> Tensor {
    let (channels, outputs, size) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3])
    var result = Tensor(TensorType(weight.type.elementType, [outputs, channels, weight.shape[2], weight.shape[3]]))
    func flip<T: BitwiseCopyable>(_: T.Type) {
        weight.withBytes { source in
            result.withMutableBytes { target in
                let (source, target) = (source.bindMemory(to: T.self), target.bindMemory(to: T.self))
                for channel in 0..<channels {
                    for output in 0..<outputs {
                        let (from, to) = ((channel * outputs + output) * size, (output * channels + channel) * size)
                        for index in 0..<size { target[to + index] = source[from + size - 1 - index] }
                    }
                }
            }
        }
    }
    if weight.type.elementType.byteSize == 2 { flip(UInt16.self) } else { flip(UInt32.self) }
    return result
}

/// Some of the input channels of a weight [O, C, kh, kw], given as pairs of bounds.
private func sliced(_ weight: Tensor, _ bounds: [Int]) -> Tensor {
    let ranges = stride(from: 0, to: bounds.count, by: 2).map { bounds[$0]..<bounds[$0 + 1] }
    let (outputs, channels) = (weight.shape[0], weight.shape[1])
    let kernelBytes = weight.shape[2] * weight.shape[3] * weight.type.elementType.byteSize
    let kept = ranges.reduce(0) { $0 + $1.count }
    var result = Tensor(TensorType(weight.type.elementType, [outputs, kept, weight.shape[2], weight.shape[3]]))
    weight.withBytes { source in
        result.withMutableBytes { target in
            var next = target.baseAddress!
            for output in 0..<outputs {
                for range in ranges {
                    next.copyMemory(from: source.baseAddress! + (output * channels + range.lowerBound) * kernelBytes, byteCount: range.count * kernelBytes)
                    next += range.count * kernelBytes
                }
            }
        }
    }
    return result
}
