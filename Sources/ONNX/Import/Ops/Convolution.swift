import Files
import Operators
import Tensors

extension ImportRule {
    static let convolutions: [ImportRule] = [.one("Conv") { try $0.convolution() }]
}

/// How a window moves over an image: one number a spatial dimension, two for padding.
struct WindowAttributes {
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]
    /// In front of each dimension, then behind each.
    var padding: [Int]
}

extension NodeImport {
    /// The attributes of a window, with `auto_pad` made numbers.
    ///
    /// - Parameters:
    ///   - sizes: of the image.
    ///   - kernel: where the weights say it; else the attribute must.
    func window(sizes: [Int], kernel given: [Int]? = nil) throws -> WindowAttributes {
        let count = sizes.count
        func list(_ name: String, _ defaults: [Int], minimum: Int) throws -> [Int] {
            let values = try integers(name) ?? defaults
            guard values.count == defaults.count, values.allSatisfy({ $0 >= minimum && $0 <= 1 << 31 }) else {
                throw InputError("its attribute '\(name)' must be \(defaults.count) numbers of at least \(minimum), not \(values)")
            }
            return values
        }
        guard let kernel = try given ?? integers("kernel_shape"), kernel.count == count, kernel.allSatisfy({ $0 > 0 && $0 <= 1 << 31 }) else {
            throw InputError("its attribute 'kernel_shape' must be \(count) positive numbers")
        }
        if let declared = try integers("kernel_shape"), declared != kernel {
            throw InputError("its attribute 'kernel_shape' is \(declared), but the weights have \(kernel)")
        }
        let ones = [Int](repeating: 1, count: count)
        var window = WindowAttributes(
            kernel: kernel, strides: try list("strides", ones, minimum: 1), dilations: try list("dilations", ones, minimum: 1),
            padding: try list("pads", [Int](repeating: 0, count: 2 * count), minimum: -(1 << 31)))
        let mode = try string("auto_pad", default: "NOTSET")
        switch mode {
        case "NOTSET": break
        case "VALID": window.padding = [Int](repeating: 0, count: 2 * count)
        case "SAME_UPPER", "SAME_LOWER":
            for axis in 0..<count {
                let reach = window.dilations[axis] * (kernel[axis] - 1) + 1
                let results = (sizes[axis] + window.strides[axis] - 1) / window.strides[axis]
                let total = max(0, (results - 1) * window.strides[axis] + reach - sizes[axis])
                let less = total / 2
                window.padding[axis] = mode == "SAME_UPPER" ? less : total - less
                window.padding[count + axis] = total - window.padding[axis]
            }
        default: throw InputError("its attribute 'auto_pad' cannot be '\(mode)'")
        }
        return window
    }

    fileprivate func convolution() throws -> ImportedValue {
        let (x, w, b) = (try input(0), try input(1), optionalInput(2))
        guard rank(x) >= 3, rank(w) == rank(x) else { throw InputError("weights \(type(w)) do not go with \(type(x))") }
        nameWeight(w, "weight")
        if let b { nameWeight(b, "bias") }
        return try convolve(x, [weight(w)] + (b.map { [try weight($0)] } ?? []))
    }

    /// The convolution of any float image with f32 weights and perhaps a bias.
    func convolve(_ x: ImportedValue, _ weights: [ImportedValue]) throws -> ImportedValue {
        var window = try window(sizes: Array(shape(x).dimensions.dropFirst(2)), kernel: Array(shape(weights[0]).dimensions.dropFirst(2)))
        let groups = try integer("group", default: 1)
        return try inFloat32([x]) { operands in
            var x = operands[0]
            if window.padding.contains(where: { $0 < 0 }) {
                let count = window.padding.count / 2
                x = try apply(Pad(before: [0, 0] + window.padding[..<count], after: [0, 0] + window.padding[count...]), x)
                window.padding = [Int](repeating: 0, count: 2 * count)
            }
            guard rank(x) == 4 else {
                return try apply(
                    Operators.Convolution(
                        strides: window.strides, padding: window.padding, dilations: window.dilations, groups: groups), x, weights: weights)
            }
            var op = Conv2D(stride: window.strides, padding: window.padding)
            if window.dilations != [1, 1] { op.dilation = window.dilations }
            if groups != 1 { op.groups = groups }
            return try apply(op, x, weights: weights)
        }
    }
}
