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
    /// The image is made twice as high and wide before.
    var upsamples: Bool

    init(_ args: dd_conv_args, precision: Precision) {
        self.precision = precision
        (batch, height, width) = (args.batch, args.height, args.width)
        (inputChannels, outputChannels) = (args.cin0 + args.cin1, args.cout)
        (kernel, stride) = ([args.kh, args.kw], args.stride)
        padding = [args.pad_top, args.pad_left, args.pad_bottom, args.pad_right]
        upsamples = args.upsamples != 0
    }

    var description: String {
        let pads = padding.map(String.init).joined(separator: ",")
        let name = upsamples ? "upsampled conv" : "conv"
        return
            "\(name) \(precision.rawValue) \(batch)x\(height)x\(width) \(inputChannels)->\(outputChannels) \(kernel[0])x\(kernel[1]) stride \(stride) pad \(pads)"
    }

    /// The convolution with one source and nothing folded into it.
    var arguments: dd_conv_args {
        var args = dd_conv_args()
        (args.batch, args.height, args.width) = (batch, height, width)
        (args.cin0, args.cout) = (inputChannels, outputChannels)
        (args.kh, args.kw, args.stride) = (kernel[0], kernel[1], stride)
        (args.pad_top, args.pad_left, args.pad_bottom, args.pad_right) = (padding[0], padding[1], padding[2], padding[3])
        args.upsamples = upsamples ? 1 : 0
        return args
    }

    /// The algorithms that may compute it.
    var candidates: [ConvolutionAlgorithm] {
        var args = arguments
        return ConvolutionAlgorithm.all.filter { dd_conv_suits($0.handle, precision.products, &args) != 0 }
    }

    /// What an algorithm's products are made of.
    func products(_ algorithm: ConvolutionAlgorithm) -> dd_precision {
        var args = arguments
        return dd_conv_precision(algorithm.handle, precision.products, &args)
    }

    /// The name of a kernel among the timings.
    func label(_ algorithm: ConvolutionAlgorithm) -> String { "\(algorithm) \(products(algorithm).label)" }

    func packedByteCount(_ algorithm: ConvolutionAlgorithm) -> Int {
        var args = arguments
        return dd_conv_packed_bytes(algorithm.handle, products(algorithm), &args)
    }
}

extension Precision {
    /// What products of convolutions and linear layers are made of.
    var products: dd_precision {
        switch self {
        case .float32: DD_PRECISION_FLOAT32
        case .int16: DD_PRECISION_INT16
        case .bfloat16: DD_PRECISION_BFLOAT16
        }
    }
    var attention: dd_precision { self == .float32 ? DD_PRECISION_FLOAT32 : dd_attention_16_bit_precision() }
}

extension dd_precision {
    var label: String {
        switch self {
        case DD_PRECISION_INT16: "int16"
        case DD_PRECISION_BFLOAT16: "bfloat16"
        default: "float32"
        }
    }
}
