import CKernels

/// Owned floats at a stable address.
final class ConvFloats {
    let buffer: UnsafeMutableBufferPointer<Float>

    init(count: Int, seed: UInt64? = nil, scale: Float = 1) {
        buffer = .allocate(capacity: max(count, 1))
        var state = (seed ?? 0) &* 0x9E37_79B9_7F4A_7C15 &+ 1
        for i in 0..<buffer.count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = seed == nil ? 0 : scale * (Float(state >> 40) / Float(1 << 23) - 1)
            buffer.initializeElement(at: i, to: value)
        }
    }

    deinit { buffer.deallocate() }

    /// These with nothing but NaN outside of some rows.
    func rows(_ range: Range<Int>, of height: Int) -> ConvFloats {
        let (copy, row) = (ConvFloats(count: buffer.count), buffer.count / height)
        for i in copy.buffer.indices { copy.buffer[i] = range.contains(i / max(row, 1)) ? buffer[i] : .nan }
        return copy
    }

    var pointer: UnsafePointer<Float> { UnsafePointer(buffer.baseAddress!) }
    var bits: [UInt32] { buffer.map(\.bitPattern) }
}

/// A convolution on seeded inputs, to run in any way and compare.
struct ConvProblem {
    var batch = 1, height = 8, width = 8, cin0 = 16, cin1 = 0, cout = 32
    var kernel = (high: 3, wide: 3)
    var stride = 1
    var pads = (top: 1, left: 1, bottom: 1, right: 1)
    var addsToSource0 = false, addsToSource1 = false, normalises = false, appliesSiLU = false
    var hasBias = false, hasChannelAdd = false, channelAddPerImage = false
    var residual = Residual.none
    var activates = false
    var takesMoments = false
    var inputScale: Float = 1
    var inputMean: Float = 0
    var special: [(index: Int, value: Float)] = []
    /// One number everywhere instead of random ones.
    var fill: (input: Float, weight: Float)?

    enum Residual: CaseIterable { case none, own, inPlace }

    struct Output {
        var y: ConvFloats
        var moments: ConvFloats
        var values: [Float] { Array(y.buffer) }
        var side: Int
    }

    enum Way {
        case reference
        case fast(Int32, dd_precision, threads: Int32)
    }

    static var isas: [Int32] { (0..<dd_isa_count()).filter { dd_isa_is_supported($0) != 0 } }

    var cin: Int { cin0 + cin1 }
    var weights: ConvFloats {
        let weights = ConvFloats(count: cout * cin * kernel.high * kernel.wide, seed: 7, scale: 0.5)
        if let fill { weights.buffer.update(repeating: fill.weight) }
        return weights
    }

    /// What an algorithm computes of this: with its own stride, or upsampled, if it does nothing else.
    func arguments(_ algorithm: ConvAlgorithm, _ precision: dd_precision = DD_PRECISION_FLOAT32) -> dd_conv_args? {
        var args = dd_conv_args()
        (args.batch, args.height, args.width) = (Int64(batch), Int64(height), Int64(width))
        (args.cin0, args.cin1, args.cout) = (Int64(cin0), Int64(cin1), Int64(cout))
        (args.kh, args.kw) = (Int64(kernel.high), Int64(kernel.wide))
        (args.pad_top, args.pad_left) = (Int64(pads.top), Int64(pads.left))
        (args.pad_bottom, args.pad_right) = (Int64(pads.bottom), Int64(pads.right))
        for (stride, upsamples) in [(stride, 0), (2, 0), (1, 1)] as [(Int, Int32)] {
            (args.stride, args.upsamples) = (Int64(stride), upsamples)
            if dd_conv_check(algorithm.handle, precision, &args) == 0 { return args }
        }
        return nil
    }

    /// - Parameter rowSteps: so many steps of rows a call, each of which finds nothing but NaN where it must not read.
    func run(_ algorithm: ConvAlgorithm, _ way: Way, rowSteps: Int? = nil) -> Output {
        let precision = if case .fast(_, let precision, _) = way { precision } else { algorithm.error > 0 ? DD_PRECISION_FLOAT32 : DD_PRECISION_BFLOAT16 }
        guard var args = arguments(algorithm, precision) else { preconditionFailure("the test asks for what \(algorithm) cannot do") }
        let pixels = batch * height * width
        let (outHeight, outWidth) = (Int(dd_conv_out_height(&args)), Int(dd_conv_out_width(&args)))
        let outPixels = batch * outHeight * outWidth
        let x0 = ConvFloats(count: pixels * cin0, seed: 1, scale: inputScale)
        if inputMean != 0 { for i in x0.buffer.indices { x0.buffer[i] += inputMean } }
        if let fill { x0.buffer.update(repeating: fill.input) }
        for (index, value) in special { x0.buffer[index] = value }
        let x1 = ConvFloats(count: pixels * cin1, seed: 2, scale: inputScale)
        let add0 = ConvFloats(count: pixels * cin0, seed: 3)
        let add1 = ConvFloats(count: pixels * cin1, seed: 4)
        let scale = ConvFloats(count: batch * cin, seed: 5)
        let shift = ConvFloats(count: batch * cin, seed: 6)
        let bias = ConvFloats(count: cout, seed: 8)
        let channelAdd = ConvFloats(count: batch * cout, seed: 9)
        let own = ConvFloats(count: outPixels * cout, seed: 10)
        let y = ConvFloats(count: outPixels * cout, seed: 11)
        let moments = ConvFloats(count: batch * cout * 2, seed: 12)
        args.x0 = x0.pointer
        if cin1 > 0 { args.x1 = x1.pointer }
        if addsToSource0 { args.x0_add = add0.pointer }
        if addsToSource1 { args.x1_add = add1.pointer }
        if normalises { (args.scale, args.shift) = (scale.pointer, shift.pointer) }
        args.silu = appliesSiLU ? 1 : 0
        if hasBias { args.bias = bias.pointer }
        if hasChannelAdd { args.channel_add = channelAdd.pointer }
        args.channel_add_per_image = channelAddPerImage ? 1 : 0
        switch residual {
        case .none: break
        case .own: args.residual = own.pointer
        case .inPlace: args.residual = y.pointer
        }
        args.activation = activates ? DD_ACTIVATION_SILU : DD_ACTIVATION_NONE
        args.y = y.buffer.baseAddress
        if takesMoments { (args.takes_moments, args.moments) = (1, moments.buffer.baseAddress) }

        let w = weights
        switch way {
        case .reference:
            dd_conv_reference(&args, w.pointer)
        case .fast(let isa, let precision, let threads):
            let pool = dd_pool_create(threads)
            dd_isa_force_here(isa)
            defer {
                dd_isa_force_here(-1)
                dd_pool_destroy(pool)
            }
            let packed = UnsafeMutableRawPointer.allocate(byteCount: dd_conv_packed_bytes(algorithm.handle, precision, &args), alignment: 64)
            let scratch = UnsafeMutableRawPointer.allocate(byteCount: dd_conv_scratch_bytes(algorithm.handle, precision, &args, threads), alignment: 64)
            defer {
                packed.deallocate()
                scratch.deallocate()
            }
            precondition(dd_conv_pack(pool, algorithm.handle, precision, packed, w.pointer, DD_F32, &args) == 0)
            guard let rowSteps else {
                precondition(dd_conv(pool, algorithm.handle, precision, &args, packed, scratch) == 0)
                break
            }
            let step = rowSteps * Int(dd_conv_row_step(algorithm.handle, precision, &args))
            let running = UnsafeMutablePointer<Double>.allocate(capacity: 2 * cout)
            defer { running.deallocate() }
            args.running_moments = running
            for begin in Swift.stride(from: 0, to: outHeight, by: step) {
                (args.row_begin, args.row_end) = (Int64(begin), Int64(min(begin + step, outHeight)))
                var (first, last): (Int64, Int64) = (0, 0)
                dd_conv_input_rows(algorithm.handle, &args, args.row_begin, args.row_end, &first, &last)
                let visible = [x0, x1, add0, add1].map { $0.rows(Int(first)..<Int(last), of: height) }
                args.x0 = visible[0].pointer
                if cin1 > 0 { args.x1 = visible[1].pointer }
                if addsToSource0 { args.x0_add = visible[2].pointer }
                if addsToSource1 { args.x1_add = visible[3].pointer }
                let scratch = UnsafeMutableRawPointer.allocate(
                    byteCount: dd_conv_scratch_bytes(algorithm.handle, precision, &args, threads), alignment: 64)
                defer { scratch.deallocate() }
                withExtendedLifetime(visible) { precondition(dd_conv(pool, algorithm.handle, precision, &args, packed, scratch) == 0) }
            }
        }
        // Inputs must live until here: the C structure holds their bare addresses.
        withExtendedLifetime((x0, x1, add0, add1, scale, shift, bias, channelAdd, own, w)) {}
        return Output(y: y, moments: moments, side: outHeight)
    }

    /// Images whose pixels differ by a thousandth of their mean, far from zero, but for the first of all. Without a border of zeros, where
    /// the algorithm can do without, results are nearly constant, too.
    static func nearlyConstant(side: Int, outlier: Float, _ algorithm: ConvAlgorithm) -> ConvProblem {
        var problem = ConvProblem(height: side, width: side, cin0: 24, cout: 37, inputScale: 1e-3)
        problem.pads = (0, 0, 0, 0)
        if problem.arguments(algorithm) == nil { problem.pads = (1, 1, 1, 1) }
        problem.inputMean = 1
        problem.special = (0..<problem.cin0).map { ($0, 1 + outlier) }
        return problem
    }

    /// Largest difference over largest value.
    static func error(_ result: [Float], _ reference: [Float]) -> Double {
        var worst = 0.0, largest = 1e-30
        for (a, b) in zip(result, reference) {
            let difference = abs(Double(a) - Double(b))
            if !(difference <= worst) { worst = difference }
            largest = max(largest, abs(Double(b)))
        }
        return worst / largest
    }

    /// Runs every instruction set against the reference; returns the largest error.
    func worstError(_ algorithm: ConvAlgorithm, _ precision: dd_precision = DD_PRECISION_FLOAT32) -> Double {
        let reference = run(algorithm, .reference).values
        return Self.isas.map { Self.error(run(algorithm, .fast($0, precision, threads: 2)).values, reference) }.max() ?? .infinity
    }
}

/// One of the list in C.
struct ConvAlgorithm: Hashable, CustomStringConvertible {
    let index: Int32

    private static let list = (0..<dd_conv_algorithm_count()).map(ConvAlgorithm.init)
    /// Those that compute in float32.
    static let all = list.filter { $0.error > 0 }
    static let inInt16 = list.filter { $0.int16Error > 0 }
    static let inBFloat16 = list.filter { $0.bfloat16Error > 0 }

    static func named(_ name: String) -> ConvAlgorithm { list.first { $0.description == name }! }
    static let direct = named("direct"), upsample = named("upsample_3x3"), stride2 = named("winograd_stride_2"), f6 = named("winograd_f6")
    static let f2 = named("winograd_f2"), f2Plain = named("winograd_f2_plain"), f4 = named("winograd_f4"), f4Plain = named("winograd_f4_plain")

    var handle: OpaquePointer { dd_conv_algorithm_at(index) }
    var description: String { String(cString: dd_conv_algorithm_name(handle)) }

    /// What float32 products may differ from float64 ones, largest difference over largest value.
    var error: Double { dd_conv_error(handle, DD_PRECISION_FLOAT32) }
    /// The same for products in int16.
    var int16Error: Double { dd_conv_error(handle, DD_PRECISION_INT16) }
    var bfloat16Error: Double { dd_conv_error(handle, DD_PRECISION_BFLOAT16) }

    /// How many times the direct way's error it may have relative to the deviation of nearly constant results.
    var budgetOverDirect: Double { error > 5e-5 ? 4 : 2 }
}
