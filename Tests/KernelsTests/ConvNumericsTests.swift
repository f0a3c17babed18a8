import CKernels
import Testing

/// Error, special values, precisions, packing.
@Suite struct ConvNumericsTests {
    /// Errors on a layer wide enough to matter; the bounds are a few times what is measured.
    @Test func errorsAreBounded() {
        let problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        #expect(problem.worstError(.direct) < 4e-6)
        #expect(problem.worstError(.f2) < 2e-6)
        #expect(problem.worstError(.f2Plain) < 2e-6)
        #expect(problem.worstError(.upsample) < 3e-6)
        #expect(problem.worstError(.stride2) < 3e-6)
        #expect(problem.worstError(.f4) < 1e-5)
        #expect(problem.worstError(.f4Plain) < 1e-5)
        #expect(problem.worstError(.f6) < 5e-5)
    }

    @Test(arguments: ConvAlgorithm.inInt16, [1, 3, 8, 32, 67, 256, 600, 1100])
    func int16(algorithm: ConvAlgorithm, cin: Int) {
        var problem = ConvProblem(batch: 2, height: 9, width: 13, cin0: cin, cin1: 5, cout: 37)
        (problem.normalises, problem.hasBias, problem.residual) = (true, true, .own)
        #expect(problem.worstError(algorithm, DD_PRECISION_INT16) < algorithm.int16Error)
        #expect(problem.worstError(algorithm, DD_PRECISION_INT16) > 1e-6)
    }

    /// Any kernel, stride and number of channels.
    @Test(arguments: ConvAlgorithm.inBFloat16, [1, 3, 8, 32, 67, 256, 600])
    func bfloat16(algorithm: ConvAlgorithm, cin: Int) {
        for (kernel, stride) in [((3, 3), 1), ((1, 1), 1), ((3, 3), 2), ((5, 2), 1)] as [((Int, Int), Int)] {
            var problem = ConvProblem(batch: 2, height: 9, width: 13, cin0: cin, cin1: 5, cout: 37, kernel: kernel, stride: stride)
            (problem.normalises, problem.hasBias, problem.residual) = (true, true, .own)
            #expect(problem.worstError(algorithm, DD_PRECISION_BFLOAT16) < algorithm.bfloat16Error)
            #expect(problem.worstError(algorithm, DD_PRECISION_BFLOAT16) > 1e-5)
        }
    }

    /// What is not worth bfloat16 stays more exact.
    @Test func choicesInBFloat16() {
        func choice(_ problem: ConvProblem) -> (String, dd_precision) {
            var args = problem.arguments(.direct)!
            let algorithm = dd_conv_choose(DD_PRECISION_BFLOAT16, &args, 0)!
            return (String(cString: dd_conv_algorithm_name(algorithm)), dd_conv_precision(algorithm, DD_PRECISION_BFLOAT16, &args))
        }
        #expect(choice(ConvProblem(height: 64, width: 64, cin0: 320, cout: 320)) == ("im2col", DD_PRECISION_BFLOAT16))
        #expect(choice(ConvProblem(height: 64, width: 64, cin0: 3, cout: 320)) == ("direct", DD_PRECISION_FLOAT32))
        var args = ConvProblem(height: 32, width: 32, cin0: 640, cout: 640).arguments(.upsample)!
        #expect(dd_conv_precision(dd_conv_choose(DD_PRECISION_BFLOAT16, &args, 0), DD_PRECISION_BFLOAT16, &args) == DD_PRECISION_INT16)
    }

    /// Root mean square of the differences over that of the results.
    private func relativeError(_ problem: ConvProblem, _ algorithm: ConvAlgorithm, _ precision: dd_precision) -> Double {
        let reference = problem.run(algorithm, .reference).values
        let result = problem.run(algorithm, .fast(ConvProblem.isas.last!, precision, threads: 2)).values
        var (difference, norm) = (0.0, 0.0)
        for (a, b) in zip(result, reference) {
            difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
            norm += Double(b) * Double(b)
        }
        return (difference / norm).squareRoot()
    }

    /// The worst channel's error over its deviation, both without the mean, which a norm takes off; results next to the border are left out.
    private func errorOverDeviation(_ problem: ConvProblem, _ algorithm: ConvAlgorithm, _ isa: Int32, _ precision: dd_precision) -> Double {
        let reference = problem.run(algorithm, .reference).values
        let result = problem.run(algorithm, .fast(isa, precision, threads: 2)).values
        let side = Int(Double(reference.count / problem.cout).squareRoot().rounded())
        let places = (2..<side - 2).flatMap { y in (2..<side - 2).map { y * side + $0 } }
        func deviation(_ values: [Double]) -> Double {
            let mean = values.reduce(0, +) / Double(values.count)
            return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        }
        return (0..<problem.cout).map { c in
            let at = places.map { $0 * problem.cout + c }
            return deviation(at.map { Double(result[$0]) - Double(reference[$0]) }) / deviation(at.map { Double(reference[$0]) })
        }.max()!
    }

    /// Inputs that differ by a thousandth of their mean, relative to what the results differ by: transforms may not lose more than the
    /// direct way does by much.
    @Test(arguments: ConvAlgorithm.all) func errorsOfNearlyConstantInputs(algorithm: ConvAlgorithm) {
        let problem = ConvProblem.nearlyConstant(side: 34, outlier: 0, algorithm)
        let direct = ConvProblem.nearlyConstant(side: 34, outlier: 0, .direct)
        for precision in [DD_PRECISION_FLOAT32, DD_PRECISION_INT16] where dd_conv_error(algorithm.handle, precision) > 0 {
            let unit = ConvProblem.isas.map { errorOverDeviation(direct, .direct, $0, precision) }.max()!
            for isa in ConvProblem.isas {
                let error = errorOverDeviation(problem, algorithm, isa, precision)
                #expect(error < algorithm.budgetOverDirect * unit)
            }
        }
    }

    /// What int16 is there for: bfloat16, whose numbers have an error of 1.1e-3, gives 1.6e-3 with the direct way and 1e-2 with F4.
    @Test func int16IsExactEnough() {
        let problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        let bounds: [(ConvAlgorithm, Double)] = [
            (.direct, 4e-4), (.f2, 5e-4), (.f2Plain, 6e-4), (.f4, 1.2e-3), (.f4Plain, 1.2e-3), (.upsample, 5e-4), (.stride2, 5e-4),
        ]
        for (algorithm, bound) in bounds {
            let error = relativeError(problem, algorithm, DD_PRECISION_INT16)
            #expect(error < bound, "\(algorithm): \(error)")
        }
        func precision(_ algorithm: ConvAlgorithm, _ channels: Int) -> dd_precision {
            var args = ConvProblem(cin0: channels).arguments(algorithm)!
            return dd_conv_precision(algorithm.handle, DD_PRECISION_INT16, &args)
        }
        #expect(precision(.f4, 8) == DD_PRECISION_INT16)
        #expect(precision(.direct, 320) == DD_PRECISION_INT16)
        #expect(precision(.direct, 3) == DD_PRECISION_FLOAT32)
    }

    /// Inputs and weights that are parallel make the largest sums there can be; 32 bits hold them.
    @Test(arguments: ConvAlgorithm.inInt16, [1, 2, 127, 512, 513, 2048])
    func int16SumsDoNotOverflow(algorithm: ConvAlgorithm, cin: Int) {
        for sign: Float in [1, -1] {
            var problem = ConvProblem(height: 12, width: 12, cin0: cin, cout: 33)
            problem.fill = (input: 3 * sign, weight: 0.7)
            #expect(problem.worstError(algorithm, DD_PRECISION_INT16) < algorithm.int16Error)
        }
    }

    /// With a single channel a scale follows from one product, whose taps may cancel but for their rounding.
    @Test(arguments: ConvAlgorithm.inInt16)
    func int16OfOneChannel(algorithm: ConvAlgorithm) {
        #expect(ConvProblem(height: 12, width: 12, cin0: 1, cout: 500).worstError(algorithm, DD_PRECISION_INT16) < 2 * algorithm.int16Error)
    }

    /// A channel far above the others takes digits from them, but not more than F4 in bfloat16 loses everywhere.
    @Test func int16WithAnOutlier() {
        var problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        problem.special = (0..<256).map { ($0 * 320 + 7, $0 % 2 == 0 ? 50 : -40) }
        #expect(relativeError(problem, .f4, DD_PRECISION_INT16) < 5e-3)
    }

    /// What is next to nothing counts as nothing, and does no harm.
    @Test(arguments: ConvAlgorithm.inInt16)
    func int16OfTinyValues(algorithm: ConvAlgorithm) {
        for scale: Float in [0, 1e-38, 1e-30] {
            let problem = ConvProblem(height: 9, width: 9, cin0: 16, cout: 33, inputScale: scale)
            for isa in ConvProblem.isas {
                let result = problem.run(algorithm, .fast(isa, DD_PRECISION_INT16, threads: 1)).values
                #expect(result.allSatisfy { abs($0) <= 100 * scale })
            }
        }
    }

    @Test(arguments: [(1, 1), (3, 3), (7, 7), (2, 5)]) func int16OfAnyKernel(high: Int, wide: Int) {
        for cin in [7, 40, 600] {
            let problem = ConvProblem(height: 17, width: 12, cin0: cin, cout: 40, kernel: (high, wide), stride: 2, pads: (0, 0, 1, 1))
            #expect(problem.worstError(.direct, DD_PRECISION_INT16) < ConvAlgorithm.direct.int16Error)
        }
    }

    @Test(arguments: ConvAlgorithm.all)
    func denormals(algorithm: ConvAlgorithm) {
        let problem = ConvProblem(height: 9, width: 9, cin0: 16, cout: 33, inputScale: 1e-38)
        // Halves of a least denormal are lost in each operation, so the bound is absolute; F6 multiplies them by up to 32 in each dimension.
        let bound = max(1e-42, 1e-37 * algorithm.error)
        let reference = problem.run(algorithm, .reference).values
        for isa in ConvProblem.isas {
            let result = problem.run(algorithm, .fast(isa, DD_PRECISION_FLOAT32, threads: 1)).values
            for (a, b) in zip(result, reference) { #expect(abs(Double(a) - Double(b)) < bound) }
        }
    }

    /// An infinity or NaN reaches the outputs that depend on it; outputs whose tiles lie elsewhere know nothing of it.
    @Test(arguments: ConvAlgorithm.all, [Float.infinity, -Float.infinity, Float.nan])
    func nonFiniteValues(algorithm: ConvAlgorithm, value: Float) {
        var problem = ConvProblem(height: 20, width: 20, cin0: 8, cout: 33)
        let clean = problem.run(algorithm, .reference).values
        problem.special = [((9 * 20 + 9) * 8 + 3, value)]
        let run = problem.run(algorithm, .reference)
        let (reference, side) = (run.values, run.side)
        let precisions: [(dd_precision, Float)] = [(DD_PRECISION_FLOAT32, 1e-3), (DD_PRECISION_INT16, 0.1)]
        for (precision, bound) in precisions where dd_conv_error(algorithm.handle, precision) > 0 {
            for isa in ConvProblem.isas {
                let result = problem.run(algorithm, .fast(isa, precision, threads: 1)).values
                for i in result.indices {
                    let (y, x) = (i / 33 / side, i / 33 % side)
                    if !reference[i].isFinite {
                        #expect(!result[i].isFinite)
                        if algorithm == .direct, precision == DD_PRECISION_FLOAT32, !reference[i].isNaN { #expect(result[i] == reference[i]) }
                    } else if max(abs(y * 20 / side - 9), abs(x * 20 / side - 9)) > 4 {
                        #expect(abs(result[i] - clean[i]) < bound)
                    }
                }
            }
        }
    }

    @Test(arguments: [Float.infinity, -Float.infinity, Float.nan, 1e30, -1e30, 200, -200, 0x1p-140])
    func siluOfExtremes(value: Float) {
        var problem = ConvProblem(height: 1, width: 1, cin0: 1, cout: 1, kernel: (1, 1), pads: (0, 0, 0, 0), appliesSiLU: true)
        problem.special = [(0, value)]
        let reference = problem.run(.direct, .reference).values[0]
        for isa in ConvProblem.isas {
            let result = problem.run(.direct, .fast(isa, DD_PRECISION_FLOAT32, threads: 1)).values[0]
            // Far below zero e^-x is held at e^80, which leaves 2e-35 of the value.
            let bound = 1e-6 * abs(reference) + 1e-34 * abs(value) + 1e-30
            if reference.isFinite { #expect(abs(result - reference) <= bound) } else { #expect(!result.isFinite) }
        }
    }

    @Test func halfPrecisionWeightsAreWidenedExactly() {
        // All halves that are not NaN, as one output channel's weights of a 1 x 1 convolution.
        let halves = (0..<UInt16.max).filter { !Float16(bitPattern: $0).isNaN }
        let wide = halves.map { Float(Float16(bitPattern: $0)) }
        var args = ConvProblem(cin0: halves.count, cout: 1, kernel: (1, 1)).arguments(.direct)!
        let direct = ConvAlgorithm.direct.handle
        let bytes = dd_conv_packed_bytes(direct, DD_PRECISION_FLOAT32, &args)
        let fromHalves = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        let fromFloats = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer {
            fromHalves.deallocate()
            fromFloats.deallocate()
        }
        dd_conv_pack(nil, direct, DD_PRECISION_FLOAT32, fromHalves, halves, DD_F16, &args)
        dd_conv_pack(nil, direct, DD_PRECISION_FLOAT32, fromFloats, wide, DD_F32, &args)
        let packed = { (p: UnsafeMutableRawPointer) in
            (0..<halves.count).map { p.load(fromByteOffset: $0 * 32 * 4, as: UInt32.self) }
        }
        #expect(packed(fromHalves) == wide.map(\.bitPattern))
        #expect(packed(fromFloats) == wide.map(\.bitPattern))
    }

    /// Multiples of the channel's scale, to nearest; two input channels lie side by side, behind the scales.
    @Test func int16WeightsRoundToNearest() {
        let values: [Float] = [3, -4, 0, 0.0001, 12, -84, 1e-9, 0]
        var args = ConvProblem(cin0: values.count, cout: 1, kernel: (1, 1)).arguments(.direct)!
        let direct = ConvAlgorithm.direct.handle
        let bytes = dd_conv_packed_bytes(direct, DD_PRECISION_INT16, &args)
        #expect(bytes == (4 + 1) * 32 * 4)
        let packed = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { packed.deallocate() }
        let bfloats = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
        for isNarrow in [false, true] {
            let rounded = isNarrow ? bfloats.map { Float(bitPattern: UInt32($0) << 16) } : values
            dd_conv_pack(
                nil, direct, DD_PRECISION_INT16, packed, isNarrow ? bfloats.withUnsafeBytes { Array($0) } : values.withUnsafeBytes { Array($0) },
                isNarrow ? DD_BF16 : DD_F32, &args)
            let scale = packed.load(as: Float.self)
            let norm = rounded.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(Double(scale) - norm / 32600) < 1e-6 * norm / 32600)
            let got = (0..<values.count).map { packed.load(fromByteOffset: (1 + $0 / 2) * 128 + $0 % 2 * 2, as: Int16.self) }
            #expect(got == rounded.map { Int16((Double($0) / (norm / 32600)).rounded()) })
            #expect(packed.load(fromByteOffset: 4, as: Float.self) == 0, "there is no second channel")
        }
    }

    @Test func choiceFollowsShape() {
        var args = dd_conv_args()
        (args.batch, args.height, args.width, args.cin0, args.cout) = (1, 64, 64, 320, 320)
        (args.kh, args.kw, args.stride) = (3, 3, 1)
        (args.pad_top, args.pad_left, args.pad_bottom, args.pad_right) = (1, 1, 1, 1)
        func choice(_ precision: dd_precision, lean: Bool = false) -> String {
            String(cString: dd_conv_algorithm_name(dd_conv_choose(precision, &args, lean ? 1 : 0)))
        }
        for precision in [DD_PRECISION_FLOAT32, DD_PRECISION_INT16] {
            #expect(choice(precision) == "winograd_f4")
            #expect(choice(precision, lean: true) == "winograd_f4_plain")
        }
        (args.height, args.width, args.cin0, args.cout) = (128, 128, 512, 512)
        #expect(choice(DD_PRECISION_FLOAT32) == "winograd_f4")
        (args.height, args.width, args.cin0, args.cout) = (256, 256, 256, 256)
        #expect(choice(DD_PRECISION_FLOAT32) == "winograd_f6")
        #expect(choice(DD_PRECISION_FLOAT32, lean: true) == "winograd_f4_plain", "its weights are larger")
        #expect(choice(DD_PRECISION_INT16) == "winograd_f4", "its error is larger")
        (args.height, args.width, args.cin0, args.cout) = (16, 16, 1280, 1280)
        for precision in [DD_PRECISION_FLOAT32, DD_PRECISION_INT16] {
            for lean in [false, true] { #expect(choice(precision, lean: lean) == "winograd_f4_plain") }
        }
        (args.height, args.width) = (8, 8)
        #expect(choice(DD_PRECISION_FLOAT32) == "winograd_f2_plain")
        #expect(choice(DD_PRECISION_INT16) == "winograd_f2")
        #expect(choice(DD_PRECISION_INT16, lean: true) == "winograd_f2_plain")
        (args.height, args.width) = (4, 4)
        #expect(choice(DD_PRECISION_INT16) == "direct")
        (args.height, args.width, args.cin0) = (512, 512, 3)
        #expect(choice(DD_PRECISION_FLOAT32) == "direct")
        (args.cin0, args.stride) = (128, 2)
        #expect(choice(DD_PRECISION_FLOAT32) == "winograd_stride_2")
        #expect(choice(DD_PRECISION_INT16) == "winograd_stride_2")
        #expect(choice(DD_PRECISION_FLOAT32, lean: true) == "direct", "its weights are larger")
        (args.height, args.width) = (32, 32)
        #expect(choice(DD_PRECISION_FLOAT32) == "direct")
        args.upsamples = 1
        #expect(dd_conv_choose(DD_PRECISION_FLOAT32, &args, 0) == nil, "only with stride 1")
        args.stride = 1
        #expect(choice(DD_PRECISION_FLOAT32) == "upsample_3x3")
        #expect(choice(DD_PRECISION_INT16, lean: true) == "upsample_3x3")
    }
}
