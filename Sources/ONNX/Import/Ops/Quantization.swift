import Files
import Operators
import Tensors

extension ImportRule {
    static let quantization: [ImportRule] = [
        .one("QuantizeLinear") { node in
            let (x, scale) = (try node.input(0), try node.input(1))
            let zeroPoint = node.optionalInput(2)
            let declared = try node.integer("output_dtype").flatMap { $0 == 0 ? nil : try ElementType(onnx: Int32(clamping: $0)) }
            let type = zeroPoint.map(node.elementType) ?? declared ?? .uint8
            let wide: ElementType = node.elementType(x) == .float64 ? .float64 : .float32
            let scales = try node.quantizationNumbers(scale, for: x)
            let scaled = try node.divide(node.cast(x, to: wide), node.cast(scales, to: wide))
            return try node.quantized(scaled, zeroPoint: zeroPoint.map { try node.quantizationNumbers($0, for: x) }, to: type)
        },
        .one("DequantizeLinear") { node in
            let (x, scale) = (try node.input(0), try node.input(1))
            var value = try node.cast(x, to: .float32)
            if let zeroPoint = node.optionalInput(2) {
                // In integers, so that the difference is exact.
                let difference = try node.subtract(
                    node.cast(x, to: .int64), node.cast(node.quantizationNumbers(zeroPoint, for: x), to: .int64))
                value = try node.cast(difference, to: .float32)
            }
            let result = try node.multiply(value, node.cast(node.quantizationNumbers(scale, for: x), to: .float32))
            let declared = try node.integer("output_dtype").flatMap { $0 == 0 ? nil : try ElementType(onnx: Int32(clamping: $0)) }
            return try node.cast(result, to: declared ?? node.elementType(scale))
        },
        ImportRule("DynamicQuantizeLinear") { node in
            let x = try node.input(0)
            let axes = Array(0..<node.rank(x))
            let zero = node.scalar(0, .float32)
            let low = try node.binary(.minimum, node.reduce(.min, x, axes: axes, keepsDimensions: false), zero)
            let high = try node.binary(.maximum, node.reduce(.max, x, axes: axes, keepsDimensions: false), zero)
            let scale = try node.divide(node.subtract(high, low), node.scalar(255, .float32))
            // Of zeros alone the scale is 0, and any would do.
            let divisor = try node.apply(
                Select(), node.binary(.equal, scale, zero), node.scalar(1, .float32), scale)
            let zeroPoint = try node.quantized(node.divide(node.subtract(zero, low), divisor), zeroPoint: nil, to: .uint8)
            return [try node.quantized(node.divide(x, divisor), zeroPoint: zeroPoint, to: .uint8), scale, zeroPoint]
        },
    ]
}

extension NodeImport {
    /// Scales or zero points in the shape that goes with a tensor: one for all, one for each index of `axis`, or one for each block of
    /// `block_size` along it.
    func quantizationNumbers(_ numbers: ImportedValue, for x: ImportedValue) throws -> ImportedValue {
        let shape = shape(x)
        if type(numbers).elementCount == 1, rank(numbers) <= 1 { return try reshape(numbers, []) }
        let axis = try axis(integer("axis", default: 1), rank: shape.rank)
        let block = try integer("block_size", default: 0)
        if block == 0 {
            guard rank(numbers) == 1, self.shape(numbers)[0] == shape[axis] else {
                throw InputError("\(type(numbers)) is not one number for each index of dimension \(axis) of \(type(x))")
            }
            return try reshape(numbers, Shape(shape.dimensions.indices.map { $0 == axis ? shape[axis] : 1 }))
        }
        let count = rank(numbers) == shape.rank ? self.shape(numbers)[axis] : 0
        guard block > 0, block <= 1 << 31, count == (shape[axis] + block - 1) / block else {
            throw InputError("\(type(numbers)) is not one number for each block of \(block) of \(type(x))")
        }
        // Each number as often as its block is long; the last block may be shorter.
        var split = self.shape(numbers).dimensions
        split.insert(1, at: axis + 1)
        var repeated = split
        repeated[axis + 1] = block
        let wide = try expand(reshape(numbers, Shape(split)), Shape(repeated))
        var joined = self.shape(numbers).dimensions
        joined[axis] = count * block
        return try slice(reshape(wide, Shape(joined)), axis: axis, from: 0, count: shape[axis])
    }

    /// Rounds to nearest even, adds the zero point and keeps to the range of the type.
    func quantized(_ scaled: ImportedValue, zeroPoint: ImportedValue?, to type: ElementType) throws -> ImportedValue {
        let range: (Double, Double)
        switch type {
        case .uint8: range = (0, 255)
        case .int8: range = (-128, 127)
        case .uint16: range = (0, 65535)
        case .int16: range = (-32768, 32767)
        case .int32: range = (-2_147_483_648, 2_147_483_647)
        default: throw InputError("numbers cannot be quantised to \(type.rawValue)")
        }
        // In f64, which holds all these integers and their sums.
        var value = try cast(unary(.round, scaled), to: .float64)
        if let zeroPoint { value = try add(value, cast(zeroPoint, to: .float64)) }
        value = try binary(.minimum, binary(.maximum, value, scalar(range.0, .float64)), scalar(range.1, .float64))
        return try cast(value, to: type)
    }
}
