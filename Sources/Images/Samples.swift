/// Samples of 8 or 16 bits.
public enum Samples: Hashable, Sendable {
    case eight([UInt8])
    case sixteen([UInt16])

    public var count: Int {
        switch self {
        case .eight(let samples): samples.count
        case .sixteen(let samples): samples.count
        }
    }

    /// Bits of a sample.
    public var bits: Int { if case .eight = self { 8 } else { 16 } }

    /// Those of 16 bits rounded.
    public var eightBit: [UInt8] {
        switch self {
        case .eight(let samples): samples
        case .sixteen(let samples): samples.map { UInt8((UInt32($0) * 255 + 32895) >> 16) }
        }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .eight(let samples): try samples.withUnsafeBytes(body)
        case .sixteen(let samples): try samples.withUnsafeBytes(body)
        }
    }

    /// `count` samples that `fill` writes into bytes which hold nothing yet.
    static func make(bits: Int, count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows -> Samples {
        func make<Value>() throws -> [Value] {
            try [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
                try fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count * MemoryLayout<Value>.stride))
                initialized = count
            }
        }
        return bits == 8 ? .eight(try make()) : .sixteen(try make())
    }
}

/// A sample's type.
protocol Sample: FixedWidthInteger, UnsignedInteger {
    static func samples(_ values: [Self]) -> Samples
}

extension UInt8: Sample { static func samples(_ values: [UInt8]) -> Samples { .eight(values) } }
extension UInt16: Sample { static func samples(_ values: [UInt16]) -> Samples { .sixteen(values) } }
