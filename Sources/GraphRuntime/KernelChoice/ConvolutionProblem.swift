import CKernels

/// A convolution as far as the choice of its kernel goes. Its description, sizes and precision, is its key among the timings.
struct ConvolutionProblem: Hashable, CustomStringConvertible {
    var precision: Precision
    var batch: Int64
    var height: Int64
    var width: Int64
    var inputChannels: Int64
    var outputChannels: Int64
    var kernel: [Int64]
    var stride: Int64
    /// Top, left, bottom, right.
    var padding: [Int64]

    init(_ args: dd_conv_args, precision: Precision) {
        self.precision = precision
        (batch, height, width) = (args.batch, args.height, args.width)
        (inputChannels, outputChannels) = (args.cin0 + args.cin1, args.cout)
        (kernel, stride) = ([args.kh, args.kw], args.stride)
        padding = [args.pad_top, args.pad_left, args.pad_bottom, args.pad_right]
    }

    var description: String {
        let pads = padding.map(String.init).joined(separator: ",")
        return
            "conv \(precision.rawValue) \(batch)x\(height)x\(width) \(inputChannels)->\(outputChannels) \(kernel[0])x\(kernel[1]) stride \(stride) pad \(pads)"
    }

    /// The convolution with one source and nothing folded into it.
    var arguments: dd_conv_args {
        var args = dd_conv_args()
        (args.batch, args.height, args.width) = (batch, height, width)
        (args.cin0, args.cout) = (inputChannels, outputChannels)
        (args.kh, args.kw, args.stride) = (kernel[0], kernel[1], stride)
        (args.pad_top, args.pad_left, args.pad_bottom, args.pad_right) = (padding[0], padding[1], padding[2], padding[3])
        return args
    }

    /// The kinds that may compute it: none with transforms for so few channels that these would be most of the work, and F(6x6) not
    /// in 16 bits, of which it would lose too many.
    var candidates: [dd_conv_kind] {
        var args = arguments
        guard inputChannels >= 8 else { return [DD_CONV_DIRECT] }
        let kinds = [
            DD_CONV_DIRECT, DD_CONV_WINOGRAD_F2_PLAIN, DD_CONV_WINOGRAD_F2, DD_CONV_WINOGRAD_F4_PLAIN, DD_CONV_WINOGRAD_F4, DD_CONV_WINOGRAD_STRIDE_2,
        ]
        return (kinds + (precision == .float32 ? [DD_CONV_WINOGRAD_F6] : [])).filter { dd_conv_check($0, &args) == Int32(DD_CONV_OK) }
    }

    /// What a kind's products are made of.
    func products(_ kind: dd_conv_kind) -> dd_conv_precision { dd_conv_precision_of(kind, precision.conv, inputChannels) }

    /// The name of a kernel among the timings.
    func label(_ kind: dd_conv_kind) -> String { "\(kind.label) \(products(kind).label)" }

    func packedByteCount(_ kind: dd_conv_kind) -> Int {
        dd_conv_packed_bytes(kind, products(kind), outputChannels, inputChannels, kernel[0], kernel[1])
    }
}

extension Precision {
    var conv: dd_conv_precision { self == .bfloat16 ? DD_CONV_INT16 : DD_CONV_FLOAT32 }
    var gemm: dd_precision { self == .bfloat16 ? DD_PRECISION_INT16 : DD_PRECISION_FLOAT32 }
    var attention: dd_precision { self == .bfloat16 ? dd_attention_16_bit_precision() : DD_PRECISION_FLOAT32 }
}
