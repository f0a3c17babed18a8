import CKernels
import Testing

/// Sizes: every kind and instruction set against plain loops.
@Suite struct ConvShapeTests {
    @Test(arguments: dd_conv_kind.all, [(1, 1), (1, 37), (29, 1), (2, 3), (5, 5), (8, 8), (13, 17), (16, 31), (37, 23)])
    func imageSizes(kind: dd_conv_kind, size: (Int, Int)) {
        let problem = ConvProblem(height: size.0, width: size.1, cin0: 19, cout: 35)
        #expect(problem.worstError(kind) < kind.bound)
    }

    @Test(arguments: dd_conv_kind.all, [1, 2, 3, 4, 8, 12, 17, 64, 100, 257])
    func inputChannels(kind: dd_conv_kind, cin: Int) {
        let problem = ConvProblem(height: 9, width: 10, cin0: cin, cout: 33)
        #expect(problem.worstError(kind) < kind.bound)
    }

    @Test(arguments: dd_conv_kind.all, [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 100])
    func outputChannels(kind: dd_conv_kind, cout: Int) {
        let problem = ConvProblem(height: 7, width: 6, cin0: 24, cout: cout, hasBias: true, residual: .own, activates: true)
        #expect(problem.worstError(kind) < kind.bound)
    }

    /// 256, 512 and 1024 channels are set apart in memory by the direct kind.
    @Test(arguments: dd_conv_kind.all, [256, 512, 1024])
    func manyChannels(kind: dd_conv_kind, cin: Int) {
        let problem = ConvProblem(height: 5, width: 6, cin0: cin, cout: 40)
        #expect(problem.worstError(kind) < kind.bound)
    }

    @Test(arguments: dd_conv_kind.all, [2, 3, 9])
    func batches(kind: dd_conv_kind, batch: Int) {
        for (height, width) in [(3, 3), (6, 9), (17, 13)] {
            let problem = ConvProblem(
                batch: batch, height: height, width: width, cin0: 11, cin1: 6, cout: 34, normalises: true, appliesSiLU: true,
                hasChannelAdd: true, channelAddPerImage: true)
            #expect(problem.worstError(kind) < kind.bound)
        }
    }

    @Test(arguments: [(1, 1), (1, 3), (3, 1), (2, 2), (5, 5), (7, 4)], [1, 2, 3])
    func kernelsAndStrides(kernel: (Int, Int), stride: Int) {
        for cin in [3, 8, 40] {
            let problem = ConvProblem(
                height: 14, width: 11, cin0: cin, cout: 20, kernel: (kernel.0, kernel.1), stride: stride,
                pads: (kernel.0 / 2, kernel.1 / 2, kernel.0 / 2, kernel.1 / 2), normalises: true)
            #expect(problem.worstError(DD_CONV_DIRECT) < 5e-6)
        }
    }

    @Test(arguments: dd_conv_kind.all.filter { $0 != DD_CONV_UPSAMPLE_3X3 })
    func asymmetricPads(kind: dd_conv_kind) {
        for pads in [(0, 0, 0, 0), (0, 0, 1, 1), (2, 0, 0, 3), (0, 5, 1, 0), (4, 4, 4, 4)] {
            let problem = ConvProblem(
                height: 6, width: 7, cin0: 9, cout: 18, pads: (pads.0, pads.1, pads.2, pads.3), normalises: true, appliesSiLU: true)
            #expect(problem.worstError(kind) < kind.bound)
        }
    }

    /// The encoder's downsampling: stride 2, padded on the right and below only.
    @Test func downsampling() {
        for (height, width) in [(8, 8), (9, 16), (17, 31)] {
            let problem = ConvProblem(height: height, width: width, cin0: 33, cout: 32, stride: 2, pads: (0, 0, 1, 1))
            #expect(problem.worstError(DD_CONV_DIRECT) < 5e-6)
            #expect(problem.worstError(DD_CONV_WINOGRAD_STRIDE_2) < 5e-6)
        }
    }

    @Test func outputSize() {
        var args = dd_conv_args()
        (args.batch, args.height, args.width, args.cin0, args.cout) = (1, 9, 16, 4, 4)
        (args.kh, args.kw, args.stride, args.pad_bottom, args.pad_right) = (3, 3, 2, 1, 1)
        #expect(dd_conv_out_height(DD_CONV_DIRECT, &args) == 4)
        #expect(dd_conv_out_width(DD_CONV_DIRECT, &args) == 8)
        #expect(dd_conv_out_height(DD_CONV_UPSAMPLE_3X3, &args) == 18)
    }

    @Test func refusesWhatAKindCannotDo() {
        var args = dd_conv_args()
        (args.batch, args.height, args.width, args.cin0, args.cout) = (1, 8, 8, 4, 4)
        (args.kh, args.kw, args.stride) = (3, 3, 1)
        for kind in dd_conv_kind.all where kind != DD_CONV_UPSAMPLE_3X3 && kind != DD_CONV_WINOGRAD_STRIDE_2 { #expect(dd_conv_check(kind, &args) == 0) }
        #expect(dd_conv_check(DD_CONV_UPSAMPLE_3X3, &args) != 0, "upsampling is for padding 1")
        args.stride = 2
        #expect(dd_conv_check(DD_CONV_DIRECT, &args) == 0)
        #expect(dd_conv_check(DD_CONV_WINOGRAD_F4, &args) != 0)
        args.height = 2
        #expect(dd_conv_check(DD_CONV_DIRECT, &args) != 0, "the kernel is higher than the image")
        (args.height, args.cin0) = (8, 0)
        #expect(dd_conv_check(DD_CONV_DIRECT, &args) != 0)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F2, DD_CONV_FLOAT32, 8, 8, 1, 1) == 0)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F4, DD_CONV_FLOAT32, 33, 5, 3, 3) == 2 * 36 * 5 * 32 * 4)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F2_PLAIN, DD_CONV_FLOAT32, 8, 8, 1, 1) == 0)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F4_PLAIN, DD_CONV_FLOAT32, 8, 8, 1, 1) == 0)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_STRIDE_2, DD_CONV_FLOAT32, 33, 5, 3, 3) == 2 * 25 * 5 * 32 * 4)
        // A row of scales for each product, but one for all taps; plain, those of the products and their inverses.
        #expect(dd_conv_packed_bytes(DD_CONV_DIRECT, DD_CONV_INT16, 32, 5, 3, 3) == (9 * 3 + 1) * 32 * 4)
        #expect(dd_conv_packed_bytes(DD_CONV_UPSAMPLE_3X3, DD_CONV_INT16, 32, 5, 3, 3) == 9 * (3 + 1) * 32 * 4)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F4, DD_CONV_INT16, 33, 5, 3, 3) == 2 * 36 * (3 + 1) * 32 * 4)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F2_PLAIN, DD_CONV_INT16, 32, 5, 3, 3) == (9 * 3 + 2 * 16) * 32 * 4)
        #expect(dd_conv_packed_bytes(DD_CONV_WINOGRAD_F4_PLAIN, DD_CONV_INT16, 32, 5, 3, 3) == (9 * 3 + 2 * 36) * 32 * 4)
    }
}
