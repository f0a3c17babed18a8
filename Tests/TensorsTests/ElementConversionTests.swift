import Files
import GraphTestSupport
import Tensors
import Testing

@Suite struct ElementConversionTests {
    @Test func everyFloat16ConvertsBothWays() {
        let bits = (0...UInt16.max).map { $0 }
        var floats = [Float](repeating: 0, count: bits.count)
        bits.withUnsafeBytes { source in
            floats.withUnsafeMutableBufferPointer { ElementConversion.convertToFloat32(source, .float16, into: $0) }
        }
        var back = [UInt16](repeating: 0, count: bits.count)
        floats.withUnsafeBufferPointer { source in
            back.withUnsafeMutableBytes { ElementConversion.convertFromFloat32(source, to: .float16, into: $0) }
        }
        for pattern in bits {
            let expected = Float(Float16(bitPattern: pattern))
            let value = floats[Int(pattern)]
            #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
            #expect(back[Int(pattern)] == pattern || Float16(bitPattern: back[Int(pattern)]).isNaN && value.isNaN)
        }
    }

    @Test func roundsToFloat16AsTheProcessorDoes() {
        var generator = SeededGenerator(state: 2)
        // Random patterns, and both neighbours of the middle between two float16 values.
        var values = (0..<200_000).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)) }
        for pattern in stride(from: UInt16(0), to: 0x7c00, by: 7) {
            let low = Float(Float16(bitPattern: pattern))
            let high = pattern == 0x7bff ? 65536 : Float(Float16(bitPattern: pattern + 1))
            let middle = (low + high) / 2
            values += [middle, middle.nextUp, middle.nextDown, -middle]
        }
        values += [65504, 65519.996, 65520, 65535, 65536, 1e30, .infinity, -.infinity, 0, -0.0, 0x1p-24, 0x1p-25, 0x1.000002p-25]
        var bits = [UInt16](repeating: 0, count: values.count)
        values.withUnsafeBufferPointer { source in
            bits.withUnsafeMutableBytes { ElementConversion.convertFromFloat32(source, to: .float16, into: $0) }
        }
        for (value, pattern) in zip(values, bits) {
            let expected = Float16(value)
            #expect(pattern == expected.bitPattern || value.isNaN && Float16(bitPattern: pattern).isNaN, "\(value)")
        }
    }

    @Test func convertsIntegersAndFlags() {
        func convert<Value>(_ values: [Value], _ type: ElementType) -> [Float] {
            var floats = [Float](repeating: 9, count: values.count)
            values.withUnsafeBytes { source in
                floats.withUnsafeMutableBufferPointer { ElementConversion.convertToFloat32(source, type, into: $0) }
            }
            return floats
        }
        #expect(convert([Int64(-3), 1 << 40], .int64) == [-3, 0x1p40])
        #expect(convert([Int32(-3)], .int32) == [-3])
        #expect(convert([Int16(-3)], .int16) == [-3])
        #expect(convert([Int8(-3)], .int8) == [-3])
        #expect(convert([UInt8(253)], .uint8) == [253])
        #expect(convert([UInt8(0), 1, 2], .bool) == [0, 1, 1])
        #expect(convert([1.5, 1e-60], .float64) == [1.5, 0])
        #expect(convert([UInt16(0x3fc0)], .bfloat16) == [1.5])
    }

    @Test func countsWhatIsNotFinite() {
        var values = [Float](repeating: 1, count: 200_000)
        values[3] = .nan
        values[70_000] = .infinity
        values[199_999] = -.infinity
        #expect(values.withUnsafeBufferPointer { ElementConversion.nonFiniteCount($0) } == 3)
        let halves: [UInt16] = [0x7bff, 0x7c00, 0xfc00, 0x7e00, 0]
        #expect(halves.withUnsafeBytes { ElementConversion.nonFiniteCount($0, .float16) } == 3)
        #expect(halves.withUnsafeBytes { ElementConversion.nonFiniteCount($0, .bfloat16) } == 0)
    }

    @Test func checksumIsTheKnownOne() { #expect(CRC32.checksum(of: "123456789".utf8) == 0xcbf4_3926) }
}
