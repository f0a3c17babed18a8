import CKernels
import Testing

/// Sizes: every algorithm and instruction set against plain loops.
@Suite struct ConvShapeTests {
    @Test(arguments: ConvAlgorithm.all, [(1, 1), (1, 37), (29, 1), (2, 3), (5, 5), (8, 8), (13, 17), (16, 31), (37, 23)])
    func imageSizes(algorithm: ConvAlgorithm, size: (Int, Int)) {
        let problem = ConvProblem(height: size.0, width: size.1, cin0: 19, cout: 35)
        #expect(problem.worstError(algorithm) < algorithm.error)
    }

    @Test(arguments: ConvAlgorithm.all, [1, 2, 3, 4, 8, 12, 17, 64, 100, 257])
    func inputChannels(algorithm: ConvAlgorithm, cin: Int) {
        let problem = ConvProblem(height: 9, width: 10, cin0: cin, cout: 33)
        #expect(problem.worstError(algorithm) < algorithm.error)
    }

    @Test(arguments: ConvAlgorithm.all, [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 100])
    func outputChannels(algorithm: ConvAlgorithm, cout: Int) {
        let problem = ConvProblem(height: 7, width: 6, cin0: 24, cout: cout, hasBias: true, residual: .own, activates: true)
        #expect(problem.worstError(algorithm) < algorithm.error)
    }

    /// 256, 512 and 1024 channels are set apart in memory by the direct algorithm.
    @Test(arguments: ConvAlgorithm.all, [256, 512, 1024])
    func manyChannels(algorithm: ConvAlgorithm, cin: Int) {
        let problem = ConvProblem(height: 5, width: 6, cin0: cin, cout: 40)
        #expect(problem.worstError(algorithm) < algorithm.error)
    }

    @Test(arguments: ConvAlgorithm.all, [2, 3, 9])
    func batches(algorithm: ConvAlgorithm, batch: Int) {
        for (height, width) in [(3, 3), (6, 9), (17, 13)] {
            let problem = ConvProblem(
                batch: batch, height: height, width: width, cin0: 11, cin1: 6, cout: 34, normalises: true, appliesSiLU: true,
                hasChannelAdd: true, channelAddPerImage: true)
            #expect(problem.worstError(algorithm) < algorithm.error)
        }
    }

    @Test(arguments: [(1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (7, 4)], [1, 2, 3])
    func kernelsAndStrides(kernel: (Int, Int), stride: Int) {
        for cin in [3, 8, 40] {
            let problem = ConvProblem(
                height: 14, width: 11, cin0: cin, cout: 20, kernel: (kernel.0, kernel.1), stride: stride,
                pads: (kernel.0 / 2, kernel.1 / 2, kernel.0 / 2, kernel.1 / 2), normalises: true)
            #expect(problem.worstError(.direct) < 5e-6)
        }
    }

    @Test(arguments: ConvAlgorithm.all.filter { ConvProblem(pads: (0, 0, 0, 0)).arguments($0) != nil })
    func asymmetricPads(algorithm: ConvAlgorithm) {
        for pads in [(0, 0, 0, 0), (0, 0, 1, 1), (2, 0, 0, 3), (0, 5, 1, 0), (4, 4, 4, 4)] {
            let problem = ConvProblem(
                height: 6, width: 7, cin0: 9, cout: 18, pads: (pads.0, pads.1, pads.2, pads.3), normalises: true, appliesSiLU: true)
            #expect(problem.worstError(algorithm) < algorithm.error)
        }
    }

    /// The encoder's downsampling: stride 2, padded on the right and below only.
    @Test func downsampling() {
        for (height, width) in [(8, 8), (9, 16), (17, 31)] {
            let problem = ConvProblem(height: height, width: width, cin0: 33, cout: 32, stride: 2, pads: (0, 0, 1, 1))
            #expect(problem.worstError(.direct) < 5e-6)
            #expect(problem.worstError(.stride2) < 5e-6)
        }
    }

    @Test func outputSize() {
        var args = dd_conv_args()
        (args.batch, args.height, args.width, args.cin0, args.cout) = (1, 9, 16, 4, 4)
        (args.kh, args.kw, args.stride, args.pad_bottom, args.pad_right) = (3, 3, 2, 1, 1)
        #expect(dd_conv_out_height(&args) == 4)
        #expect(dd_conv_out_width(&args) == 8)
        (args.stride, args.pad_top, args.upsamples) = (1, 1, 1)
        #expect(dd_conv_out_height(&args) == 18)
    }

    @Test func refusesWhatAnAlgorithmCannotDo() {
        var problem = ConvProblem(height: 8, width: 8, cin0: 4, cout: 4, pads: (0, 0, 0, 0))
        var args = problem.arguments(.direct)!
        func does(_ algorithm: ConvAlgorithm, _ precision: dd_precision = DD_PRECISION_FLOAT32) -> Bool {
            dd_conv_check(algorithm.handle, precision, &args) == DD_CONV_OK
        }
        for algorithm in ConvAlgorithm.all { #expect(does(algorithm) == (algorithm != .upsample && algorithm != .stride2)) }
        for algorithm in ConvAlgorithm.all { #expect(!does(algorithm, DD_PRECISION_BFLOAT16)) }
        #expect(does(.f4, DD_PRECISION_INT16))
        #expect(!does(.f6, DD_PRECISION_INT16), "it would lose too many digits")
        args.upsamples = 1
        for algorithm in ConvAlgorithm.all { #expect(!does(algorithm), "upsampling is for padding 1") }
        (args.upsamples, args.stride) = (0, 2)
        for algorithm in ConvAlgorithm.all { #expect(does(algorithm) == (algorithm == .direct || algorithm == .stride2)) }
        args.height = 2
        #expect(!does(.direct), "the kernel is higher than the image")
        (args.height, args.cin0) = (8, 0)
        #expect(!does(.direct))

        (problem.cin0, problem.cout, problem.pads) = (5, 33, (1, 1, 1, 1))
        func rows(_ algorithm: ConvAlgorithm, _ precision: dd_precision) -> Int {
            var args = problem.arguments(algorithm)!
            return dd_conv_packed_bytes(algorithm.handle, precision, &args) / (2 * 32 * 4)
        }
        #expect(rows(.f4, DD_PRECISION_FLOAT32) == 36 * 5)
        #expect(rows(.stride2, DD_PRECISION_FLOAT32) == 25 * 5)
        // A row of scales for each product, but one for all taps; plain, those of the products and their inverses.
        #expect(rows(.direct, DD_PRECISION_INT16) == 9 * 3 + 1)
        #expect(rows(.upsample, DD_PRECISION_INT16) == 9 * (3 + 1))
        #expect(rows(.f4, DD_PRECISION_INT16) == 36 * (3 + 1))
        #expect(rows(.f2Plain, DD_PRECISION_INT16) == 9 * 3 + 2 * 16)
        #expect(rows(.f4Plain, DD_PRECISION_INT16) == 9 * 3 + 2 * 36)
        problem.kernel = (1, 1)
        for algorithm in ConvAlgorithm.all where algorithm != .direct { #expect(problem.arguments(algorithm) == nil) }
    }
}
