import CKernels
import Testing

/// Convolutions of some rows at a time.
struct ConvRowsTests {
    private static let problems: [ConvProblem] = {
        var plain = ConvProblem(height: 37, width: 21, cin0: 24, cout: 37)
        plain.hasBias = true
        var fused = ConvProblem(height: 50, width: 19, cin0: 32, cin1: 16, cout: 48)
        (fused.addsToSource0, fused.addsToSource1, fused.normalises, fused.appliesSiLU) = (true, true, true, true)
        (fused.hasBias, fused.hasChannelAdd, fused.residual, fused.takesMoments) = (true, true, .own, true)
        var tall = ConvProblem(height: 131, width: 5, cin0: 16, cout: 32)
        (tall.residual, tall.takesMoments) = (.own, true)
        var unpadded = ConvProblem(height: 45, width: 23, cin0: 16, cout: 33)
        (unpadded.pads, unpadded.activates) = ((0, 0, 1, 1), true)
        return [plain, fused, tall, unpadded]
    }()

    @Test("rows at a time give the bits of all rows", arguments: ConvAlgorithm.all, [DD_PRECISION_FLOAT32, DD_PRECISION_INT16])
    func sameBits(_ algorithm: ConvAlgorithm, _ precision: dd_precision) {
        for problem in ConvRowsTests.problems where problem.arguments(algorithm, precision) != nil {
            for isa in ConvProblem.isas {
                let whole = problem.run(algorithm, .fast(isa, precision, threads: 2))
                for (rowSteps, threads) in [(1, 1), (1, 3), (2, 2), (5, 2)] as [(Int, Int32)] {
                    let parts = problem.run(algorithm, .fast(isa, precision, threads: threads), rowSteps: rowSteps)
                    #expect(parts.y.bits == whole.y.bits, "\(problem), \(rowSteps) steps")
                    #expect(parts.moments.bits == whole.moments.bits, "moments of \(problem), \(rowSteps) steps")
                }
            }
        }
    }

    @Test(arguments: ConvAlgorithm.inBFloat16) func sameBitsInBFloat16(_ algorithm: ConvAlgorithm) { sameBits(algorithm, DD_PRECISION_BFLOAT16) }

    @Test func rowsThatTilesDoNotBeginAtAreRefused() {
        var args = ConvProblem(height: 48, width: 16).arguments(ConvAlgorithm.all.first { $0.description == "winograd_f4" }!)!
        func allows(_ begin: Int64, _ end: Int64) -> Bool {
            (args.row_begin, args.row_end) = (begin, end)
            return dd_conv_check(dd_conv_algorithm_at(index), DD_PRECISION_FLOAT32, &args) == 0
        }
        let index = Int32((0..<dd_conv_algorithm_count()).first { String(cString: dd_conv_algorithm_name(dd_conv_algorithm_at($0))) == "winograd_f4" }!)
        #expect(allows(0, 48) && allows(4, 8) && allows(44, 48))
        #expect(!allows(2, 8) && !allows(4, 7) && !allows(8, 8) && !allows(48, 52) && !allows(4, 0))
        args.batch = 2
        #expect(!allows(0, 4))
    }
}
