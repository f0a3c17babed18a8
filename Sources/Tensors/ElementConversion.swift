/// Conversions of whole runs of elements, in loops that the compiler can vectorise.
public enum ElementConversion {
    /// Converts elements of any type to float32: 16-bit floats exactly, float64 and integers to nearest even, bool to 0 or 1.
    ///
    /// The source need not be aligned. It must hold as many elements as the target.
    public static func convertToFloat32(
        _ source: UnsafeRawBufferPointer, _ type: ElementType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(source.count == target.count * type.byteSize)
        switch type {
        case .float32: UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        case .float16: map(source, UInt16.self, target, float(float16Bits:))
        case .bfloat16: map(source, UInt16.self, target, HalfPrecision.float(bfloat16Bits:))
        case .float64: map(source, Double.self, target) { Float($0) }
        case .int64: map(source, Int64.self, target) { Float($0) }
        case .int32: map(source, Int32.self, target) { Float($0) }
        case .int16: map(source, Int16.self, target) { Float($0) }
        case .int8: map(source, Int8.self, target) { Float($0) }
        case .uint8: map(source, UInt8.self, target) { Float($0) }
        case .uint16: map(source, UInt16.self, target) { Float($0) }
        case .uint32: map(source, UInt32.self, target) { Float($0) }
        case .uint64: map(source, UInt64.self, target) { Float($0) }
        case .bool: map(source, UInt8.self, target) { $0 == 0 ? 0 : 1 }
        }
    }

    /// Converts float32 to a floating-point type, to nearest even. Values beyond float16's range become infinite.
    public static func convertFromFloat32(
        _ source: UnsafeBufferPointer<Float>, to type: ElementType, into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(target.count == source.count * type.byteSize)
        switch type {
        case .float32: target.copyMemory(from: UnsafeRawBufferPointer(source))
        case .float16: map(source, target, float16Bits)
        case .bfloat16: map(source, target, HalfPrecision.bfloat16Bits)
        case .float64: map(source, target) { Double($0) }
        default: preconditionFailure("\(type.rawValue) is no floating-point type")
        }
    }

    /// How many values are infinite or not a number.
    public static func nonFiniteCount(_ values: UnsafeBufferPointer<Float>) -> Int {
        var count = 0
        for block in stride(from: 0, to: values.count, by: 1 << 16) {
            var found: UInt32 = 0
            for value in values[block..<min(values.count, block + 1 << 16)] {
                found &+= value.bitPattern & 0x7f80_0000 == 0x7f80_0000 ? 1 : 0
            }
            count += Int(found)
        }
        return count
    }

    /// The same for 16-bit floats.
    public static func nonFiniteCount(_ values: UnsafeRawBufferPointer, _ type: ElementType) -> Int {
        precondition(type == .float16 || type == .bfloat16)
        let exponent: UInt16 = type == .float16 ? 0x7c00 : 0x7f80
        return values.withMemoryRebound(to: UInt16.self) { values in
            var count = 0
            for block in stride(from: 0, to: values.count, by: 1 << 15) {
                var found: UInt16 = 0
                for value in values[block..<min(values.count, block + 1 << 15)] { found &+= value & exponent == exponent ? 1 : 0 }
                count += Int(found)
            }
            return count
        }
    }

    @inline(__always)
    private static func map<Element: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _: Element.Type, _ target: UnsafeMutableBufferPointer<Float>, _ convert: (Element) -> Float
    ) {
        guard let input = source.baseAddress, let output = target.baseAddress else { return }
        for index in 0..<target.count {
            output[index] = convert(input.loadUnaligned(fromByteOffset: index &* MemoryLayout<Element>.size, as: Element.self))
        }
    }

    @inline(__always)
    private static func map<Element: BitwiseCopyable>(
        _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawBufferPointer, _ convert: (Float) -> Element
    ) {
        guard let input = source.baseAddress, let output = target.baseAddress else { return }
        for index in 0..<source.count {
            output.storeBytes(of: convert(input[index]), toByteOffset: index &* MemoryLayout<Element>.size, as: Element.self)
        }
    }

    /// The same numbers as `Float(Float16(bitPattern:))`, which is a function call for each element on processors that the compiler must assume
    /// to be old.
    @inline(__always)
    static func float(float16Bits bits: UInt16) -> Float {
        let magnitude = UInt32(bits & 0x7fff)
        let sign = UInt32(bits & 0x8000) << 16
        // Subnormals: the magnitude counts units of 2^-24, which float32 holds as normal numbers.
        let small = (Float(Int32(bitPattern: magnitude)) * 0x1p-24).bitPattern
        let normal = (magnitude << 13) &+ (112 << 23)
        let special = (magnitude << 13) | 0x7f80_0000
        let result = magnitude < 0x0400 ? small : magnitude < 0x7c00 ? normal : special
        return Float(bitPattern: result | sign)
    }

    /// The same bits as `Float16(value).bitPattern`.
    @inline(__always)
    static func float16Bits(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let magnitude = value.bitPattern & 0x7fff_ffff
        // Normal results: drop 13 bits to nearest even; a carry moves on into the exponent, up to infinity.
        let rounded = (magnitude &+ 0xfff &+ ((magnitude >> 13) & 1) &- (112 << 23)) >> 13
        // Subnormal results: the sum with 0.5 has 2^-24 as its last place, and the processor rounds it.
        let small = (Float(bitPattern: magnitude) + 0.5).bitPattern &- Float(0.5).bitPattern
        let special: UInt32 = magnitude > 0x7f80_0000 ? 0x7e00 | ((magnitude >> 13) & 0x1ff) : 0x7c00
        let result = magnitude < 0x3880_0000 ? small : magnitude < 0x477f_f000 ? rounded : special
        return sign | UInt16(truncatingIfNeeded: result)
    }
}
