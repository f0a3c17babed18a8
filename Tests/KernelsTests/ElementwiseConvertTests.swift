import CKernels
import Testing

@Suite struct ElementwiseConvertTests {
    private func convert<A: BitwiseCopyable, B: BitwiseCopyable>(
        _ x: [A], _ from: dd_element, _ to: dd_element, as type: B.Type
    ) -> [B] {
        KernelHarness.output(x.count, of: B.self) { dd_convert($0, $1, to, x, from, Int64(x.count)) }
    }

    private func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
    }

    /// Every pattern whose lower bits decide the rounding: ties, and one to either side.
    private var roundingCases: [Float] {
        var x: [Float] = [
            .nan, -.nan, .infinity, -.infinity, 0, -0.0, 65504, 65519.996, 65520, -65520, 1e30, .leastNonzeroMagnitude,
        ]
        for high in stride(from: UInt32(0), to: 0xffff_ffff, by: 0x3713_d) {
            for low: UInt32 in [0, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001] {
                x.append(Float(bitPattern: high & 0xffff_0000 | low))
                x.append(Float(bitPattern: high & 0xffff_e000 | low & 0x1fff))
            }
        }
        return x
    }

    @Test func float16BothWays() {
        let x = roundingCases
        let all = (0...UInt16.max).map { $0 }
        KernelHarness.forEachISA { isa in
            let halves = convert(x, DD_F32, DD_F16, as: UInt16.self)
            let wrong = zip(x, halves).first { v, h in
                v.isNaN ? !Float16(bitPattern: h).isNaN : Float16(v).bitPattern != h
            }
            #expect(wrong == nil, "\(String(cString: dd_isa_name(isa)))")
            let floats = convert(all, DD_F16, DD_F32, as: Float.self)
            let wrongBack = zip(all, floats).first { h, v in
                let e = Float(Float16(bitPattern: h))
                return e.isNaN ? !v.isNaN : e.bitPattern != v.bitPattern
            }
            #expect(wrongBack == nil, "\(String(cString: dd_isa_name(isa)))")
        }
    }

    @Test func bfloat16BothWays() {
        let x = roundingCases
        let all = (0...UInt16.max).map { $0 }
        KernelHarness.forEachISA { _ in
            #expect(convert(x, DD_F32, DD_BF16, as: UInt16.self) == x.map(bfloat16))
            let floats = convert(all, DD_BF16, DD_F32, as: Float.self)
            #expect(zip(all, floats).allSatisfy { UInt32($0) << 16 == $1.bitPattern })
        }
    }

    @Test(arguments: [0, 1, 7, 8, 17, 255, 256, 257, 40_000]) func sizes(_ n: Int) {
        var numbers = SeededNumbers(4)
        let x = numbers.floats(n, -300...300)
        KernelHarness.forEachISA { _ in
            #expect(convert(x, DD_F32, DD_F16, as: UInt16.self) == x.map { Float16($0).bitPattern })
            #expect(convert(x, DD_F32, DD_BF16, as: UInt16.self) == x.map(bfloat16))
            #expect(convert(x, DD_F32, DD_F64, as: Double.self) == x.map(Double.init))
            #expect(convert(x, DD_F32, DD_I64, as: Int64.self) == x.map { Int64($0) })
            #expect(convert(x, DD_F32, DD_F32, as: Float.self) == x)
            let inPlace = KernelHarness.output(n, initial: x) { pool, y in
                dd_convert(pool, y, DD_I32, y, DD_F32, Int64(n))
            }
            #expect(inPlace.map { Int32(bitPattern: $0.bitPattern) } == x.map { Int32($0) })
        }
    }

    @Test func betweenIntegersAndFloats() {
        let x: [Double] = [
            0, -0.5, 0.5, 1.9, -1.9, 127.5, 128, -129, 255, 256, -1, 3e9, -3e9, 1e300, -1e300, .nan, .infinity,
        ]
        #expect(
            convert(x, DD_F64, DD_U8, as: UInt8.self) == [
                0, 0, 0, 1, 0, 127, 128, 0, 255, 255, 0, 255, 0, 255, 0, 0, 255,
            ])
        #expect(
            convert(x, DD_F64, DD_I8, as: Int8.self) == [
                0, 0, 0, 1, -1, 127, 127, -128, 127, 127, -1, 127, -128, 127, -128, 0, 127,
            ])
        #expect(convert(x, DD_F64, DD_I32, as: Int32.self).suffix(6) == [.max, .min, .max, .min, 0, .max])
        #expect(
            convert(x, DD_F64, DD_I64, as: Int64.self).suffix(6) == [
                3_000_000_000, -3_000_000_000, .max, .min, 0, .max,
            ])
        #expect(convert(x, DD_F64, DD_BOOL, as: UInt8.self) == [0] + [UInt8](repeating: 1, count: 16))
        let big: [Int64] = [.max, .min, 1 << 53 + 1, -5, 0, 70_000]
        #expect(convert(big, DD_I64, DD_I64, as: Int64.self) == big)
        #expect(convert(big, DD_I64, DD_I16, as: Int16.self) == [.max, .min, .max, -5, 0, .max])
        #expect(convert(big, DD_I64, DD_F64, as: Double.self) == big.map(Double.init))
        #expect(convert([Int8(-3), 4], DD_I8, DD_BF16, as: UInt16.self) == [0xc040, 0x4080])
        #expect(convert([UInt8(0), 1, 7], DD_BOOL, DD_F32, as: Float.self) == [0, 1, 1])
        #expect(convert([Float16(1.5), -2].map(\.bitPattern), DD_F16, DD_BF16, as: UInt16.self) == [0x3fc0, 0xc000])
    }
}
