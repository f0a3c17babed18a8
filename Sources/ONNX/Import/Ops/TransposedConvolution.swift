import Files
import Operators
import Tensors

extension ImportRule {
    static let transposedConvolutions: [ImportRule] = [.one("ConvTranspose") { try $0.transposedConvolution() }]
}

extension NodeImport {
    fileprivate func transposedConvolution() throws -> ImportedValue {
        let (x, w, b) = (try input(0), try input(1), optionalInput(2))
        guard rank(x) >= 3, rank(w) == rank(x) else { throw InputError("weights \(type(w)) do not go with \(type(x))") }
        nameWeight(w, "weight")
        if let b { nameWeight(b, "bias") }
        let sizes = Array(shape(x).dimensions.dropFirst(2))
        var window = try window(sizes: sizes, kernel: Array(shape(w).dimensions.dropFirst(2)))
        let outputPadding = try integers("output_padding") ?? [Int](repeating: 0, count: sizes.count)
        guard outputPadding.count == sizes.count, outputPadding.allSatisfy({ $0 >= 0 && $0 <= 1 << 31 }) else {
            throw InputError("its attribute 'output_padding' must be \(sizes.count) numbers, not \(outputPadding)")
        }
        let mode = try string("auto_pad", default: "NOTSET")
        var wanted = try integers("output_shape")
        // Older models give batch and channels as well.
        if let given = wanted, given.count == rank(x) { wanted = Array(given.dropFirst(2)) }
        if wanted == nil, mode.hasPrefix("SAME") { wanted = zip(sizes, window.strides).map { $0 * $1 } }
        if let wanted {
            guard wanted.count == sizes.count, wanted.allSatisfy({ $0 >= 0 && $0 <= 1 << 31 }) else {
                throw InputError("its attribute 'output_shape' must be \(sizes.count) sizes, not \(wanted)")
            }
            for axis in sizes.indices {
                let reach = window.dilations[axis] * (window.kernel[axis] - 1) + 1
                let total = window.strides[axis] * (sizes[axis] - 1) + outputPadding[axis] + reach - wanted[axis]
                // What is missing is added behind.
                window.padding[axis] = total < 0 ? 0 : mode == "SAME_UPPER" ? total / 2 : total - total / 2
                window.padding[sizes.count + axis] = total - window.padding[axis]
            }
        }
        let op = ConvTranspose(
            strides: window.strides, padding: window.padding, dilations: window.dilations, groups: try integer("group", default: 1),
            outputPadding: outputPadding)
        let weights = [try weight(w)] + (try b.map { [try weight($0)] } ?? [])
        return try inFloat32([x]) { try apply(op, $0[0], weights: weights) }
    }
}
