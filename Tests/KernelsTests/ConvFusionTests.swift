import CKernels
import Testing

/// What is fused before and after the products.
@Suite struct ConvFusionTests {
    static let base = ConvProblem(batch: 2, height: 11, width: 9, cin0: 21, cin1: 14, cout: 37)

    @Test(arguments: ConvAlgorithm.all, [false, true])
    func sourcesAndAddends(algorithm: ConvAlgorithm, normalises: Bool) {
        for (first, second) in [(true, false), (false, true), (true, true)] {
            var problem = Self.base
            (problem.addsToSource0, problem.addsToSource1, problem.normalises) = (first, second, normalises)
            #expect(problem.worstError(algorithm) < algorithm.error)
        }
    }

    /// Padding surrounds the normalised tensor: with a large shift, zeros normalised along would show at once.
    @Test(arguments: ConvAlgorithm.all)
    func paddingIsZeroAfterNormalising(algorithm: ConvAlgorithm) {
        var problem = ConvProblem(batch: 2, height: 5, width: 6, cin0: 20, cout: 16)
        problem.normalises = true
        #expect(problem.worstError(algorithm) < algorithm.error)
        problem.appliesSiLU = true
        #expect(problem.worstError(algorithm) < algorithm.error)
    }

    @Test(arguments: ConvAlgorithm.all, ConvProblem.Residual.allCases)
    func epilogues(algorithm: ConvAlgorithm, residual: ConvProblem.Residual) {
        for bias in [false, true] {
            for perImage in [false, true] {
                for activates in [false, true] {
                    var problem = Self.base
                    (problem.hasBias, problem.hasChannelAdd, problem.channelAddPerImage) = (bias, true, perImage)
                    (problem.activates, problem.residual) = (activates, residual)
                    #expect(problem.worstError(algorithm) < algorithm.error)
                }
            }
        }
    }

    @Test(arguments: ConvAlgorithm.all, [(1, 40, 33), (3, 7, 5)])
    func moments(algorithm: ConvAlgorithm, size: (batch: Int, height: Int, width: Int)) {
        var problem = ConvProblem(batch: size.batch, height: size.height, width: size.width, cin0: 18, cout: 41)
        (problem.hasBias, problem.residual, problem.takesMoments) = (true, .own, true)
        let reference = problem.run(algorithm, .reference)
        for isa in ConvProblem.isas {
            let result = problem.run(algorithm, .fast(isa, DD_PRECISION_FLOAT32, threads: 2))
            for (got, expected) in zip(result.moments.buffer, reference.moments.buffer) {
                #expect(abs(got - expected) < 2e-5 * max(1, abs(expected)))
            }
            // Taking them changes nothing else.
            var without = problem
            without.takesMoments = false
            #expect(without.run(algorithm, .fast(isa, DD_PRECISION_FLOAT32, threads: 2)).y.bits == result.y.bits)
        }
    }

    /// A group norm divides by the deviation. Where results are nearly the same but for those at the image's first pixel, with which the
    /// sums of a block begin, that must be as accurate as elsewhere.
    @Test(arguments: ConvAlgorithm.all, [8, 40])
    func momentsOfNearlyConstantResults(algorithm: ConvAlgorithm, side: Int) {
        for far: Float in [0, 1, 1000] {
            var problem = ConvProblem.nearlyConstant(side: side, outlier: far, algorithm)
            problem.takesMoments = true
            for isa in ConvProblem.isas {
                let result = problem.run(algorithm, .fast(isa, DD_PRECISION_FLOAT32, threads: 2))
                let pixels = result.values.count / problem.cout
                for c in 0..<problem.cout {
                    // Of the very values that were written.
                    let values = (0..<pixels).map { Double(result.values[$0 * problem.cout + c]) }
                    let mean = values.reduce(0, +) / Double(pixels)
                    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels)
                    let (gotMean, got) = (Double(result.moments.buffer[2 * c]), Double(result.moments.buffer[2 * c + 1]))
                    #expect(abs(got - variance) < 3e-5 * variance, "\(algorithm) \(isa) \(far)")
                    #expect(abs(gotMean - mean) < 5e-5 * variance.squareRoot() + 1e-7 * abs(mean))
                }
            }
        }
    }

    @Test(arguments: ConvAlgorithm.all, [DD_PRECISION_FLOAT32, DD_PRECISION_INT16])
    func threadsDoNotMatter(algorithm: ConvAlgorithm, precision: dd_precision) {
        guard dd_conv_error(algorithm.handle, precision) > 0 else { return }
        for (height, width, cout) in [(33, 29, 40), (6, 5, 170)] {
            var problem = ConvProblem(batch: 2, height: height, width: width, cin0: 24, cin1: 9, cout: cout)
            (problem.normalises, problem.appliesSiLU, problem.hasBias, problem.takesMoments) = (true, true, true, true)
            for isa in ConvProblem.isas {
                let one = problem.run(algorithm, .fast(isa, precision, threads: 1))
                for threads: Int32 in [2, 3] {
                    let more = problem.run(algorithm, .fast(isa, precision, threads: threads))
                    #expect(one.y.bits == more.y.bits)
                    #expect(one.moments.bits == more.moments.bits)
                }
            }
        }
    }
}
