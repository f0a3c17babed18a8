import CKernels
import Testing

/// What is fused before and after the products.
@Suite struct ConvFusionTests {
    static let base = ConvProblem(batch: 2, height: 11, width: 9, cin0: 21, cin1: 14, cout: 37)

    @Test(arguments: dd_conv_kind.all, [false, true])
    func sourcesAndAddends(kind: dd_conv_kind, normalises: Bool) {
        for (first, second) in [(true, false), (false, true), (true, true)] {
            var problem = Self.base
            (problem.addsToSource0, problem.addsToSource1, problem.normalises) = (first, second, normalises)
            #expect(problem.worstError(kind) < kind.bound)
        }
    }

    /// Padding surrounds the normalised tensor: with a large shift, zeros normalised along would show at once.
    @Test(arguments: dd_conv_kind.all)
    func paddingIsZeroAfterNormalising(kind: dd_conv_kind) {
        var problem = ConvProblem(batch: 2, height: 5, width: 6, cin0: 20, cout: 16)
        problem.normalises = true
        #expect(problem.worstError(kind) < kind.bound)
        problem.appliesSiLU = true
        #expect(problem.worstError(kind) < kind.bound)
    }

    @Test(arguments: dd_conv_kind.all, ConvProblem.Residual.allCases)
    func epilogues(kind: dd_conv_kind, residual: ConvProblem.Residual) {
        for bias in [false, true] {
            for perImage in [false, true] {
                for activates in [false, true] {
                    var problem = Self.base
                    (problem.hasBias, problem.hasChannelAdd, problem.channelAddPerImage) = (bias, true, perImage)
                    (problem.activates, problem.residual) = (activates, residual)
                    #expect(problem.worstError(kind) < kind.bound)
                }
            }
        }
    }

    /// Sources and result as slices of wider tensors; the rest of the result's tensor stays as it was.
    @Test(arguments: dd_conv_kind.all, ConvProblem.Residual.allCases)
    func slices(kind: dd_conv_kind, residual: ConvProblem.Residual) {
        var problem = Self.base
        (problem.gap, problem.residual) = (5, residual)
        let truth = problem.run(kind, .reference)
        for isa in ConvProblem.isas {
            let result = problem.run(kind, .fast(isa, DD_CONV_FLOAT32, threads: 2))
            #expect(ConvProblem.error(result.values, truth.values) < kind.bound)
            let untouched = (0..<result.y.buffer.count).allSatisfy { i in
                i % (problem.cout + problem.gap) < problem.cout || result.y.buffer[i] == truth.y.buffer[i]
            }
            #expect(untouched)
        }
    }

    @Test(arguments: dd_conv_kind.all, [(1, 40, 33), (3, 7, 5)])
    func moments(kind: dd_conv_kind, size: (batch: Int, height: Int, width: Int)) {
        var problem = ConvProblem(batch: size.batch, height: size.height, width: size.width, cin0: 18, cout: 41)
        (problem.hasBias, problem.residual, problem.takesMoments) = (true, .own, true)
        let truth = problem.run(kind, .reference)
        for isa in ConvProblem.isas {
            let result = problem.run(kind, .fast(isa, DD_CONV_FLOAT32, threads: 2))
            for (got, expected) in zip(result.moments.buffer, truth.moments.buffer) {
                #expect(abs(got - expected) < 2e-5 * max(1, abs(expected)))
            }
            // Taking them changes nothing else.
            var without = problem
            without.takesMoments = false
            #expect(without.run(kind, .fast(isa, DD_CONV_FLOAT32, threads: 2)).y.bits == result.y.bits)
        }
    }

    /// A group norm divides by the deviation. Where results are nearly the same but for those at the image's first pixel, with which the
    /// sums of a block begin, that must be as accurate as elsewhere.
    @Test(arguments: dd_conv_kind.all, [8, 40])
    func momentsOfNearlyConstantResults(kind: dd_conv_kind, side: Int) {
        for far: Float in [0, 1, 1000] {
            var problem = ConvProblem.nearlyConstant(side: side, outlier: far, kind)
            problem.takesMoments = true
            for isa in ConvProblem.isas {
                let result = problem.run(kind, .fast(isa, DD_CONV_FLOAT32, threads: 2))
                let pixels = result.values.count / problem.cout
                for c in 0..<problem.cout {
                    // Of the very values that were written.
                    let values = (0..<pixels).map { Double(result.values[$0 * problem.cout + c]) }
                    let mean = values.reduce(0, +) / Double(pixels)
                    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels)
                    let (gotMean, got) = (Double(result.moments.buffer[2 * c]), Double(result.moments.buffer[2 * c + 1]))
                    #expect(abs(got - variance) < 3e-5 * variance, "\(kind) \(isa) \(far)")
                    #expect(abs(gotMean - mean) < 5e-5 * variance.squareRoot() + 1e-7 * abs(mean))
                }
            }
        }
    }

    @Test(arguments: dd_conv_kind.all, [DD_CONV_FLOAT32, DD_CONV_INT16])
    func threadsDoNotMatter(kind: dd_conv_kind, precision: dd_conv_precision) {
        for (height, width, cout) in [(33, 29, 40), (6, 5, 170)] {
            var problem = ConvProblem(batch: 2, height: height, width: width, cin0: 24, cin1: 9, cout: cout)
            (problem.normalises, problem.appliesSiLU, problem.hasBias, problem.takesMoments) = (true, true, true, true)
            for isa in ConvProblem.isas {
                let one = problem.run(kind, .fast(isa, precision, threads: 1))
                for threads: Int32 in [2, 3] {
                    let more = problem.run(kind, .fast(isa, precision, threads: threads))
                    #expect(one.y.bits == more.y.bits)
                    #expect(one.moments.bits == more.moments.bits)
                }
            }
        }
    }
}
