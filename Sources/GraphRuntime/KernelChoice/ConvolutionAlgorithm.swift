import CKernels

/// A way to compute a convolution, one of the kernels' list.
struct ConvolutionAlgorithm: Hashable, CustomStringConvertible {
    let index: Int32

    /// All, by preference.
    static let all = (0..<dd_conv_algorithm_count()).map(ConvolutionAlgorithm.init)

    var handle: OpaquePointer { dd_conv_algorithm_at(index) }
    var description: String { String(cString: dd_conv_algorithm_name(handle)) }

    /// The one to take where nothing was timed; nil where there is none.
    static func byShape(_ args: inout dd_conv_args, _ precision: dd_precision, lean: Bool) -> ConvolutionAlgorithm? {
        let chosen = dd_conv_choose(precision, &args, lean ? 1 : 0)
        return all.first { $0.handle == chosen }
    }
}
