/// Conversions between float32 and the 16-bit float types' bit patterns.
public enum HalfPrecision {
    /// IEEE 754 binary16 to float32, exactly.
    @inlinable public static func float(float16Bits bits: UInt16) -> Float { Float(Float16(bitPattern: bits)) }

    /// bfloat16 to float32, exactly.
    @inlinable public static func float(bfloat16Bits bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// float32 to binary16, to nearest even.
    @inlinable public static func float16Bits(_ value: Float) -> UInt16 { Float16(value).bitPattern }

    /// float32 to bfloat16, to nearest even; a NaN stays one.
    @inlinable public static func bfloat16Bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
    }
}
