import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct CastTests {
    @Test(arguments: ElementType.allCases, ElementType.allCases)
    func everyPairOfTypes(_ from: ElementType, _ to: ElementType) throws {
        let values: [Double] = from == .bool || to == .bool ? [0, 1, 1, 0, 1] : [0, 1, 2, 100, 127]
        let y = try evaluate(Cast(to: to), tensor(from, values))
        #expect(y.type == TensorType(to, [5]))
        #expect(y.numbers == values)
    }

    @Test(arguments: ElementType.floats, ElementType.integers)
    func floatsSaturate(_ from: ElementType, _ to: ElementType) throws {
        let y = try evaluate(Cast(to: to), tensor(from, [.nan, .infinity, -.infinity, 2.75, -2.75])).numbers
        #expect(y[0] == 0)
        #expect(y[1] == to.greatest)
        #expect(y[2] == (to.isSigned ? -to.greatest - (to.bits == 64 ? 0 : 1) : 0))
        #expect(Array(y[3...]) == [2, to.isSigned ? -2 : 0])
    }

    @Test func integersWrapAround() throws {
        #expect(try evaluate(Cast(to: .int8), tensor(.int32, [128, 255, 256, -129])).numbers == [-128, -1, 0, 127])
        #expect(try evaluate(Cast(to: .uint16), tensor(.int8, [-1])).numbers == [65535])
        #expect(try evaluate(Cast(to: .uint64), tensor(.int64, [-1])).numbers == [0x1p64])
        #expect(try evaluate(Cast(to: .int32), tensor(.uint64, [0x1p63])).numbers == [0])
    }

    @Test func roundings() throws {
        #expect(try evaluate(Cast(to: .float16), tensor(.float32, [2049, 2051, 65519, 65520])).numbers == [2048, 2052, 65504, .infinity])
        #expect(try evaluate(Cast(to: .bfloat16), tensor(.float32, [257, 259])).numbers == [256, 260])
        #expect(try evaluate(Cast(to: .float32), tensor(.int64, [16_777_217, -16_777_219])).numbers == [16_777_216, -16_777_220])
        #expect(try evaluate(Cast(to: .float64), tensor(.uint64, [0x1p63])).numbers == [0x1p63])
        #expect(try evaluate(Cast(to: .bool), tensor(.float16, [.nan, 0, -0.0, 0.25])).numbers == [1, 0, 0, 1])
    }
}
