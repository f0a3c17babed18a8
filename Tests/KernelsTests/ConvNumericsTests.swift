import CKernels
import Testing

/// Error, special values, precisions, packing.
@Suite struct ConvNumericsTests {
    /// Errors on a layer wide enough to matter; the bounds are a few times what is measured.
    @Test func errorsAreBounded() {
        let problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        #expect(problem.worstError(DD_CONV_DIRECT) < 4e-6)
        #expect(problem.worstError(DD_CONV_WINOGRAD_F2) < 2e-6)
        #expect(problem.worstError(DD_CONV_WINOGRAD_F2_PLAIN) < 2e-6)
        #expect(problem.worstError(DD_CONV_UPSAMPLE_3X3) < 3e-6)
        #expect(problem.worstError(DD_CONV_WINOGRAD_STRIDE_2) < 3e-6)
        #expect(problem.worstError(DD_CONV_WINOGRAD_F4) < 1e-5)
        #expect(problem.worstError(DD_CONV_WINOGRAD_F4_PLAIN) < 1e-5)
        #expect(problem.worstError(DD_CONV_WINOGRAD_F6) < 5e-5)
    }

    @Test(arguments: dd_conv_kind.all, [1, 3, 8, 32, 67, 256, 600, 1100])
    func int16(kind: dd_conv_kind, cin: Int) {
        var problem = ConvProblem(batch: 2, height: 9, width: 13, cin0: cin, cin1: 5, cout: 37)
        (problem.normalises, problem.hasBias, problem.residual) = (true, true, .own)
        #expect(problem.worstError(kind, DD_CONV_INT16) < kind.int16Bound)
        #expect(problem.worstError(kind, DD_CONV_INT16) > 1e-6)
    }

    /// Root mean square of the differences over that of the results.
    private func relativeError(_ problem: ConvProblem, _ kind: dd_conv_kind, _ precision: dd_conv_precision) -> Double {
        let truth = problem.run(kind, .reference).values
        let result = problem.run(kind, .fast(ConvProblem.isas.last!, precision, threads: 2)).values
        var (difference, norm) = (0.0, 0.0)
        for (a, b) in zip(result, truth) {
            difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
            norm += Double(b) * Double(b)
        }
        return (difference / norm).squareRoot()
    }

    /// The worst channel's error over its deviation, both without the mean, which a norm takes off; results next to the border are left out.
    private func errorOverDeviation(_ problem: ConvProblem, _ kind: dd_conv_kind, _ isa: Int32, _ precision: dd_conv_precision) -> Double {
        let truth = problem.run(kind, .reference).values
        let result = problem.run(kind, .fast(isa, precision, threads: 2)).values
        let side = Int(Double(truth.count / problem.cout).squareRoot().rounded())
        let places = (2..<side - 2).flatMap { y in (2..<side - 2).map { y * side + $0 } }
        func deviation(_ values: [Double]) -> Double {
            let mean = values.reduce(0, +) / Double(values.count)
            return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        }
        return (0..<problem.cout).map { c in
            let at = places.map { $0 * problem.cout + c }
            return deviation(at.map { Double(result[$0]) - Double(truth[$0]) }) / deviation(at.map { Double(truth[$0]) })
        }.max()!
    }

    /// Inputs that differ by a thousandth of their mean, relative to what the results differ by: transforms may not lose more than the
    /// direct way does by much.
    @Test(arguments: dd_conv_kind.all) func errorsOfNearlyConstantInputs(kind: dd_conv_kind) {
        let problem = ConvProblem.nearlyConstant(side: 34, outlier: 0, kind)
        let direct = ConvProblem.nearlyConstant(side: 34, outlier: 0, DD_CONV_DIRECT)
        for precision in [DD_CONV_FLOAT32, DD_CONV_INT16] {
            let unit = ConvProblem.isas.map { errorOverDeviation(direct, DD_CONV_DIRECT, $0, precision) }.max()!
            for isa in ConvProblem.isas {
                let error = errorOverDeviation(problem, kind, isa, precision)
                #expect(error < kind.budgetOverDirect * unit)
            }
        }
    }

    /// What int16 is there for: bfloat16, whose numbers have an error of 1.1e-3, gives 1.6e-3 with the direct way and 1e-2 with F4.
    @Test func int16IsExactEnough() {
        let problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        let bounds: [(dd_conv_kind, Double)] = [
            (DD_CONV_DIRECT, 4e-4), (DD_CONV_WINOGRAD_F2, 5e-4), (DD_CONV_WINOGRAD_F2_PLAIN, 6e-4), (DD_CONV_WINOGRAD_F4, 1.2e-3),
            (DD_CONV_WINOGRAD_F4_PLAIN, 1.2e-3), (DD_CONV_UPSAMPLE_3X3, 5e-4), (DD_CONV_WINOGRAD_STRIDE_2, 5e-4),
        ]
        for (kind, bound) in bounds {
            let error = relativeError(problem, kind, DD_CONV_INT16)
            #expect(error < bound, "\(kind): \(error)")
        }
        #expect(dd_conv_precision_of(DD_CONV_WINOGRAD_F4, DD_CONV_INT16, 8) == DD_CONV_INT16)
        #expect(dd_conv_precision_of(DD_CONV_DIRECT, DD_CONV_INT16, 320) == DD_CONV_INT16)
        #expect(dd_conv_precision_of(DD_CONV_DIRECT, DD_CONV_INT16, 3) == DD_CONV_FLOAT32)
    }

    /// Inputs and weights that are parallel make the largest sums there can be; 32 bits hold them.
    @Test(arguments: dd_conv_kind.all, [1, 2, 127, 512, 513, 2048])
    func int16SumsDoNotOverflow(kind: dd_conv_kind, cin: Int) {
        for sign: Float in [1, -1] {
            var problem = ConvProblem(height: 12, width: 12, cin0: cin, cout: 33)
            problem.fill = (input: 3 * sign, weight: 0.7)
            #expect(problem.worstError(kind, DD_CONV_INT16) < kind.int16Bound)
        }
    }

    /// With a single channel a scale follows from one product, whose taps may cancel but for their rounding.
    @Test(arguments: dd_conv_kind.all)
    func int16OfOneChannel(kind: dd_conv_kind) {
        #expect(ConvProblem(height: 12, width: 12, cin0: 1, cout: 500).worstError(kind, DD_CONV_INT16) < 2 * kind.int16Bound)
    }

    /// A channel far above the others takes digits from them, but not more than F4 in bfloat16 loses everywhere.
    @Test func int16WithAnOutlier() {
        var problem = ConvProblem(height: 16, width: 16, cin0: 320, cout: 64)
        problem.special = (0..<256).map { ($0 * 320 + 7, $0 % 2 == 0 ? 50 : -40) }
        #expect(relativeError(problem, DD_CONV_WINOGRAD_F4, DD_CONV_INT16) < 5e-3)
    }

    /// What is next to nothing counts as nothing, and does no harm.
    @Test(arguments: dd_conv_kind.all)
    func int16OfTinyValues(kind: dd_conv_kind) {
        for scale: Float in [0, 1e-38, 1e-30] {
            let problem = ConvProblem(height: 9, width: 9, cin0: 16, cout: 33, inputScale: scale)
            for isa in ConvProblem.isas {
                let result = problem.run(kind, .fast(isa, DD_CONV_INT16, threads: 1)).values
                #expect(result.allSatisfy { abs($0) <= 100 * scale })
            }
        }
    }

    @Test(arguments: [(1, 1), (3, 3), (7, 7), (2, 5)]) func int16OfAnyKernel(high: Int, wide: Int) {
        for cin in [7, 40, 600] {
            let problem = ConvProblem(height: 17, width: 12, cin0: cin, cout: 40, kernel: (high, wide), stride: 2, pads: (0, 0, 1, 1))
            #expect(problem.worstError(DD_CONV_DIRECT, DD_CONV_INT16) < DD_CONV_DIRECT.int16Bound)
        }
    }

    @Test(arguments: dd_conv_kind.all)
    func denormals(kind: dd_conv_kind) {
        let problem = ConvProblem(height: 9, width: 9, cin0: 16, cout: 33, inputScale: 1e-38)
        // Halves of a least denormal are lost in each operation, so the bound is absolute; F6 multiplies them by up to 32 in each dimension.
        let bound = kind == DD_CONV_WINOGRAD_F6 ? 1e-41 : 1e-42
        let truth = problem.run(kind, .reference).values
        for isa in ConvProblem.isas {
            let result = problem.run(kind, .fast(isa, DD_CONV_FLOAT32, threads: 1)).values
            for (a, b) in zip(result, truth) { #expect(abs(Double(a) - Double(b)) < bound) }
        }
    }

    /// An infinity or NaN reaches the outputs that depend on it; outputs whose tiles lie elsewhere know nothing of it.
    @Test(arguments: dd_conv_kind.all, [Float.infinity, -Float.infinity, Float.nan])
    func nonFiniteValues(kind: dd_conv_kind, value: Float) {
        var problem = ConvProblem(height: 20, width: 20, cin0: 8, cout: 33)
        let clean = problem.run(kind, .reference).values
        problem.special = [((9 * 20 + 9) * 8 + 3, value)]
        let truth = problem.run(kind, .reference).values
        let side = kind == DD_CONV_UPSAMPLE_3X3 ? 40 : kind == DD_CONV_WINOGRAD_STRIDE_2 ? 10 : 20
        let precisions: [(dd_conv_precision, Float)] = [(DD_CONV_FLOAT32, 1e-3), (DD_CONV_INT16, 0.1)]
        for (precision, bound) in precisions {
            for isa in ConvProblem.isas {
                let result = problem.run(kind, .fast(isa, precision, threads: 1)).values
                for i in result.indices {
                    let (y, x) = (i / 33 / side, i / 33 % side)
                    if !truth[i].isFinite {
                        #expect(!result[i].isFinite)
                        if kind == DD_CONV_DIRECT, precision == DD_CONV_FLOAT32, !truth[i].isNaN { #expect(result[i] == truth[i]) }
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
        let truth = problem.run(DD_CONV_DIRECT, .reference).values[0]
        for isa in ConvProblem.isas {
            let result = problem.run(DD_CONV_DIRECT, .fast(isa, DD_CONV_FLOAT32, threads: 1)).values[0]
            // Far below zero e^-x is held at e^80, which leaves 2e-35 of the value.
            let bound = 1e-6 * abs(truth) + 1e-34 * abs(value) + 1e-30
            if truth.isFinite { #expect(abs(result - truth) <= bound) } else { #expect(!result.isFinite) }
        }
    }

    @Test func halfPrecisionWeightsAreWidenedExactly() {
        // All halves that are not NaN, as one output channel's weights of a 1 x 1 convolution.
        let halves = (0..<UInt16.max).filter { !Float16(bitPattern: $0).isNaN }
        let wide = halves.map { Float(Float16(bitPattern: $0)) }
        let count = Int64(halves.count)
        let bytes = dd_conv_packed_bytes(DD_CONV_DIRECT, DD_CONV_FLOAT32, 1, count, 1, 1)
        let fromHalves = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        let fromFloats = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer {
            fromHalves.deallocate()
            fromFloats.deallocate()
        }
        dd_conv_pack(nil, DD_CONV_DIRECT, DD_CONV_FLOAT32, fromHalves, halves, DD_CONV_WEIGHT_FLOAT16, 1, count, 1, 1)
        dd_conv_pack(nil, DD_CONV_DIRECT, DD_CONV_FLOAT32, fromFloats, wide, DD_CONV_WEIGHT_FLOAT32, 1, count, 1, 1)
        let packed = { (p: UnsafeMutableRawPointer) in
            (0..<halves.count).map { p.load(fromByteOffset: $0 * 32 * 4, as: UInt32.self) }
        }
        #expect(packed(fromHalves) == wide.map(\.bitPattern))
        #expect(packed(fromFloats) == wide.map(\.bitPattern))
    }

    /// Multiples of the channel's scale, to nearest; two input channels lie side by side, behind the scales.
    @Test func int16WeightsRoundToNearest() {
        let values: [Float] = [3, -4, 0, 0.0001, 12, -84, 1e-9, 0]
        let count = Int64(values.count)
        let bytes = dd_conv_packed_bytes(DD_CONV_DIRECT, DD_CONV_INT16, 1, count, 1, 1)
        #expect(bytes == (4 + 1) * 32 * 4)
        let packed = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { packed.deallocate() }
        let bfloats = values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
        for isNarrow in [false, true] {
            let rounded = isNarrow ? bfloats.map { Float(bitPattern: UInt32($0) << 16) } : values
            dd_conv_pack(
                nil, DD_CONV_DIRECT, DD_CONV_INT16, packed, isNarrow ? bfloats.withUnsafeBytes { Array($0) } : values.withUnsafeBytes { Array($0) },
                isNarrow ? DD_CONV_WEIGHT_BFLOAT16 : DD_CONV_WEIGHT_FLOAT32, 1, count, 1, 1)
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
        for precision in [DD_CONV_FLOAT32, DD_CONV_INT16] {
            #expect(dd_conv_choose(precision, &args, 0) == DD_CONV_WINOGRAD_F4)
            #expect(dd_conv_choose(precision, &args, 1) == DD_CONV_WINOGRAD_F4_PLAIN)
        }
        (args.height, args.width, args.cin0, args.cout) = (128, 128, 512, 512)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_WINOGRAD_F4)
        (args.height, args.width, args.cin0, args.cout) = (256, 256, 256, 256)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_WINOGRAD_F6)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 1) == DD_CONV_WINOGRAD_F4_PLAIN, "its weights are larger")
        #expect(dd_conv_choose(DD_CONV_INT16, &args, 0) == DD_CONV_WINOGRAD_F4, "its error is larger")
        (args.height, args.width, args.cin0, args.cout) = (16, 16, 1280, 1280)
        for precision in [DD_CONV_FLOAT32, DD_CONV_INT16] {
            for lean: Int32 in [0, 1] { #expect(dd_conv_choose(precision, &args, lean) == DD_CONV_WINOGRAD_F4_PLAIN) }
        }
        (args.height, args.width) = (8, 8)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_WINOGRAD_F2_PLAIN)
        #expect(dd_conv_choose(DD_CONV_INT16, &args, 0) == DD_CONV_WINOGRAD_F2)
        #expect(dd_conv_choose(DD_CONV_INT16, &args, 1) == DD_CONV_WINOGRAD_F2_PLAIN)
        (args.height, args.width) = (4, 4)
        #expect(dd_conv_choose(DD_CONV_INT16, &args, 0) == DD_CONV_DIRECT)
        (args.height, args.width, args.cin0) = (512, 512, 3)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_DIRECT)
        (args.cin0, args.stride) = (128, 2)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_WINOGRAD_STRIDE_2)
        #expect(dd_conv_choose(DD_CONV_INT16, &args, 0) == DD_CONV_WINOGRAD_STRIDE_2)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 1) == DD_CONV_DIRECT, "its weights are larger")
        (args.height, args.width) = (32, 32)
        #expect(dd_conv_choose(DD_CONV_FLOAT32, &args, 0) == DD_CONV_DIRECT)
    }
}
