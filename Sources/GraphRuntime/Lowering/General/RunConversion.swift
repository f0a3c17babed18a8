import CKernels
import Tensors

/// Converts a run of elements that lie one behind the other: to, from, how many.
typealias RunConversion = @Sendable (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> Void

enum RunConversions {
    /// From an element type to a compute type, or the other way; between equal types it copies.
    static func conversion(from: ElementType, to: ElementType) -> RunConversion {
        if from == to {
            let size = from.byteSize
            return { $0.copyMemory(from: $1, byteCount: $2 * size) }
        }
        // These have vector instructions.
        if from.isFloatingPoint, to.isFloatingPoint, from != .float64, to != .float64 {
            let (source, target) = (from.kernelType, to.kernelType)
            return { dd_convert(nil, $0, target, $1, source, Int64($2)) }
        }
        return switch to {
        case .float32: reader(from, Float.self)
        case .float64: reader(from, Double.self)
        case .int64: reader(from, Int64.self)
        case .uint64: reader(from, UInt64.self)
        default:
            switch from {
            case .float32: writer(to, Float.self)
            case .float64: writer(to, Double.self)
            case .int64: writer(to, Int64.self)
            case .uint64: writer(to, UInt64.self)
            default: preconditionFailure("no compute type among \(from.rawValue) and \(to.rawValue)")
            }
        }
    }

    @inline(__always)
    private static func map<S, T>(
        _ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int, _ convert: (S) -> T
    ) {
        let (from, to) = (source.assumingMemoryBound(to: S.self), target.assumingMemoryBound(to: T.self))
        for index in 0..<count { to[index] = convert(from[index]) }
    }

    @inline(__always)
    private static func reader<C: ComputeElement>(_ type: ElementType, _: C.Type) -> RunConversion {
        switch type {
        case .float32: { map($0, $1, $2) { (x: Float) in C(from: x) } }
        case .float64: { map($0, $1, $2) { (x: Double) in C(from: x) } }
        case .float16: { map($0, $1, $2) { (x: UInt16) in C(from: HalfPrecision.float(float16Bits: x)) } }
        case .bfloat16: { map($0, $1, $2) { (x: UInt16) in C(from: HalfPrecision.float(bfloat16Bits: x)) } }
        case .int64: { map($0, $1, $2) { (x: Int64) in C(from: x) } }
        case .int32: { map($0, $1, $2) { (x: Int32) in C(from: Int64(x)) } }
        case .int16: { map($0, $1, $2) { (x: Int16) in C(from: Int64(x)) } }
        case .int8: { map($0, $1, $2) { (x: Int8) in C(from: Int64(x)) } }
        case .uint64: { map($0, $1, $2) { (x: UInt64) in C(from: x) } }
        case .uint32: { map($0, $1, $2) { (x: UInt32) in C(from: Int64(x)) } }
        case .uint16: { map($0, $1, $2) { (x: UInt16) in C(from: Int64(x)) } }
        case .uint8: { map($0, $1, $2) { (x: UInt8) in C(from: Int64(x)) } }
        case .bool: { map($0, $1, $2) { (x: UInt8) in C(from: x == 0 ? Int64(0) : 1) } }
        }
    }

    @inline(__always)
    private static func writer<C: ComputeElement>(_ type: ElementType, _: C.Type) -> RunConversion {
        switch type {
        case .float32: { map($0, $1, $2) { (x: C) in x.float } }
        case .float64: { map($0, $1, $2) { (x: C) in x.double } }
        case .float16: { map($0, $1, $2) { (x: C) in HalfPrecision.float16Bits(x.float) } }
        case .bfloat16: { map($0, $1, $2) { (x: C) in HalfPrecision.bfloat16Bits(x.float) } }
        case .int64: { map($0, $1, $2) { (x: C) in x.integer(Int64.self) } }
        case .int32: { map($0, $1, $2) { (x: C) in x.integer(Int32.self) } }
        case .int16: { map($0, $1, $2) { (x: C) in x.integer(Int16.self) } }
        case .int8: { map($0, $1, $2) { (x: C) in x.integer(Int8.self) } }
        case .uint64: { map($0, $1, $2) { (x: C) in x.integer(UInt64.self) } }
        case .uint32: { map($0, $1, $2) { (x: C) in x.integer(UInt32.self) } }
        case .uint16: { map($0, $1, $2) { (x: C) in x.integer(UInt16.self) } }
        case .uint8: { map($0, $1, $2) { (x: C) in x.integer(UInt8.self) } }
        case .bool: { map($0, $1, $2) { (x: C) in x != C.zero ? UInt8(1) : 0 } }
        }
    }
}
