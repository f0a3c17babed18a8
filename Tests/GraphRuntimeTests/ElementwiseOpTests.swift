import Files
import Foundation
import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct ElementwiseOpTests {
    private func expectClose(_ a: [Double], _ b: [Double], _ tolerance: Double, _ what: String) {
        #expect(a.count == b.count)
        for (x, y) in zip(a, b) where !(x == y || (x.isNaN && y.isNaN)) {
            #expect(abs(x - y) <= tolerance * max(1, abs(y)), "\(what): \(x) for \(y)")
        }
    }

    private static let functions: [(Unary, @Sendable (Double) -> Double)] = [
        (Unary(.abs), { abs($0) }), (Unary(.negate), { -$0 }), (Unary(.exp), { exp($0) }), (Unary(.log), { log($0) }),
        (Unary(.sqrt), { $0.squareRoot() }), (Unary(.reciprocal), { 1 / $0 }), (Unary(.floor), { floor($0) }), (Unary(.ceil), { ceil($0) }),
        (Unary(.round), { $0.rounded(.toNearestOrEven) }), (Unary(.erf), { erf($0) }), (Unary(.sigmoid), { 1 / (1 + exp(-$0)) }),
        (Unary(.tanh), { tanh($0) }), (Unary(.relu), { $0 > 0 ? $0 : $0.isNaN ? $0 : 0 }),
        (Unary(.leakyReLU, alpha: 0.25), { $0 < 0 ? 0.25 * $0 : $0 }), (Unary(.elu, alpha: 2), { $0 < 0 ? 2 * expm1($0) : $0 }),
        (Unary(.selu), { 1.05070102214813 * ($0 > 0 ? $0 : 1.67326319217681 * expm1($0)) }),
        (Unary(.celu, alpha: 0.5), { $0 > 0 ? $0 : 0.5 * expm1($0 / 0.5) }),
        (Unary(.thresholdedReLU, alpha: 0.5), { $0 > 0.5 ? $0 : 0 }),
        (Unary(.hardSigmoid, alpha: 0.25, beta: 0.5), { $0.isNaN ? $0 : min(1, max(0, 0.25 * $0 + 0.5)) }),
        (Unary(.hardSwish), { $0 * min(1, max(0, $0 / 6 + 0.5)) }), (Unary(.softplus), { log1p(exp($0)) }), (Unary(.softsign), { $0 / (1 + abs($0)) }),
        (Unary(.mish), { $0 * tanh(log1p(exp($0))) }), (Unary(.geluTanh), { 0.5 * $0 * (1 + tanh(0.7978845608028654 * ($0 + 0.044715 * $0 * $0 * $0))) }),
        (Unary(.sin), { sin($0) }), (Unary(.cos), { cos($0) }), (Unary(.tan), { tan($0) }), (Unary(.asin), { asin($0) }), (Unary(.acos), { acos($0) }),
        (Unary(.atan), { atan($0) }), (Unary(.sinh), { sinh($0) }), (Unary(.cosh), { cosh($0) }), (Unary(.asinh), { asinh($0) }),
        (Unary(.acosh), { acosh($0) }), (Unary(.atanh), { atanh($0) }),
    ]

    @Test(arguments: functions.indices, ElementType.floats)
    func functionsOfFloats(_ index: Int, _ type: ElementType) throws {
        let (op, expected) = Self.functions[index]
        let x = tensor(type, [-3.5, -2.5, -1, -0.75, -0.5, 0, 0.25, 0.5, 0.875, 1, 1.5, 2.5, 4, .nan])
        let tolerance: Double =
            switch type {
            case .float64: 1e-14
            case .float32: 1e-6
            case .float16: 1e-3
            default: 8e-3
            }
        expectClose(try evaluate(op, x).numbers, x.numbers.map(expected), tolerance, "\(op) \(type)")
    }

    @Test func everyFunctionIsTested() {
        let others: Set<Unary.Function> = [.sign, .not, .bitwiseNot, .isNaN, .isInf]
        #expect(Set(Self.functions.map(\.0.function)).union(others) == Set(Unary.Function.allCases))
    }

    @Test(arguments: ElementType.numeric)
    func numbersOfEveryType(_ type: ElementType) throws {
        let x = tensor(type, type.isSigned ? [-3, -1, 0, 2, 100] : [3, 1, 0, 2, 100])
        #expect(try evaluate(Unary(.abs), x).numbers == [3, 1, 0, 2, 100])
        #expect(try evaluate(Unary(.sign), x).numbers == x.numbers.map { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 })
        #expect(try evaluate(Unary(.relu), x).numbers == x.numbers.map { max($0, 0) })
        if type.isSigned { #expect(try evaluate(Unary(.negate), x).numbers == [3, 1, 0, -2, -100]) }
    }

    @Test func whatIsNotANumber() throws {
        let x = tensor(.float32, [.nan, .infinity, -.infinity, 0, 3e38])
        #expect(try evaluate(Unary(.isNaN), x).numbers == [1, 0, 0, 0, 0])
        #expect(try evaluate(Unary(.isInf), x).numbers == [0, 1, 1, 0, 0])
        #expect(try evaluate(Unary(.isInf, alpha: 0), x).numbers == [0, 1, 0, 0, 0])
        #expect(try evaluate(Unary(.isInf, beta: 0), tensor(.float16, [.infinity, -.infinity])).numbers == [0, 1])
        #expect(try evaluate(Unary(.not), tensor(.bool, [0, 1, 0])).numbers == [1, 0, 1])
        #expect(try evaluate(Unary(.bitwiseNot), tensor(.uint16, [0, 1, 65535])).numbers == [65535, 65534, 0])
    }

    @Test(arguments: ElementType.numeric)
    func arithmetic(_ type: ElementType) throws {
        let (a, b) = (tensor(type, [7, 8, 9, 1, 0, 100]), tensor(type, [2, 3, 9, 4, 5, 27]))
        func numbers(_ op: any Op) throws -> [Double] { try evaluate(op, a, b).numbers }
        #expect(try numbers(Add()) == [9, 11, 18, 5, 5, 127])
        #expect(try evaluate(Multiply(), a, tensor(type, [1])).numbers == a.numbers)
        #expect(try evaluate(Binary(.subtract), a, tensor(type, [0], [])).numbers == a.numbers)
        #expect(try numbers(Binary(.minimum)) == [2, 3, 9, 1, 0, 27])
        #expect(try numbers(Binary(.maximum)) == [7, 8, 9, 4, 5, 100])
        #expect(try numbers(Binary(.modulo)) == [1, 2, 0, 1, 0, 19])
        #expect(try numbers(Binary(.remainder)) == [1, 2, 0, 1, 0, 19])
        #expect(try numbers(Binary(.equal)) == [0, 0, 1, 0, 0, 0])
        #expect(try numbers(Binary(.less)) == [0, 0, 0, 1, 1, 0])
        #expect(try numbers(Binary(.lessOrEqual)) == [0, 0, 1, 1, 1, 0])
        #expect(try numbers(Binary(.greater)) == [1, 1, 0, 0, 0, 1])
        #expect(try numbers(Binary(.greaterOrEqual)) == [1, 1, 1, 0, 0, 1])
        #expect(try evaluate(Binary(.power), tensor(type, [2, 3, 5]), tensor(.int32, [5, 4, 0])).numbers == [32, 81, 1])
        if !type.isFloatingPoint { #expect(try numbers(Binary(.divide)) == [3, 2, 1, 0, 0, 3]) }
        if type.isSigned {
            let signed = tensor(type, [-7, 7, -7, 7])
            let divisor = tensor(type, [3, -3, -3, 3])
            #expect(try evaluate(Binary(.modulo), signed, divisor).numbers == [2, -2, -1, 1])
            #expect(try evaluate(Binary(.remainder), signed, divisor).numbers == [-1, 1, -1, 1])
            #expect(try evaluate(Binary(.prelu), signed, divisor).numbers == [-21, 7, 21, 7])
        }
    }

    @Test(arguments: ElementType.integers)
    func integersWrapAroundAndNeverTrap(_ type: ElementType) throws {
        let one = tensor(type, [1])
        // The greatest i64 and u64 are no Double, so they are computed.
        let zero = tensor(type, [0])
        let highestBit = try evaluate(Binary(.shiftLeft), one, tensor(type, [Double(type.bits - 1)]))
        let greatest = type.isSigned ? try evaluate(Unary(.bitwiseNot), highestBit) : try evaluate(Unary(.bitwiseNot), zero)
        let least = try evaluate(Add(), greatest, one)
        #expect(greatest.numbers == [type.greatest])
        #expect(least.numbers == [type.isSigned ? -type.greatest - (type.bits == 64 ? 0 : 1) : 0])
        #expect(try evaluate(Binary(.divide), one, zero).numbers == [0])
        #expect(try evaluate(Binary(.modulo), one, zero).numbers == [0])
        #expect(try evaluate(Binary(.remainder), one, zero).numbers == [0])
        if type.isSigned {
            let minusOne = tensor(type, [-1])
            #expect(try evaluate(Binary(.divide), least, minusOne).numbers == least.numbers)
            #expect(try evaluate(Binary(.modulo), least, minusOne).numbers == [0])
            #expect(try evaluate(Unary(.abs), least).numbers == least.numbers)
            #expect(try evaluate(Binary(.power), minusOne, tensor(type, [-3])).numbers == [-1])
            #expect(try evaluate(Binary(.power), tensor(type, [2]), minusOne).numbers == [0])
        }
        let width = Double(type.bits)
        #expect(try evaluate(Binary(.shiftLeft), tensor(type, [3, 3]), tensor(type, [width, 100])).numbers == [0, 0])
        #expect(try evaluate(Binary(.shiftRight), tensor(type, [3, 3]), tensor(type, [width, 100])).numbers == [0, 0])
        #expect(try evaluate(Binary(.bitwiseXor), tensor(type, [6]), tensor(type, [3])).numbers == [5])
        #expect(try evaluate(Binary(.bitwiseAnd), tensor(type, [6]), tensor(type, [3])).numbers == [2])
        #expect(try evaluate(Binary(.bitwiseOr), tensor(type, [6]), tensor(type, [3])).numbers == [7])
    }

    @Test func notANumberStaysOne() throws {
        for type in ElementType.floats {
            let (a, b) = (tensor(type, [.nan, 1, .nan, 2]), tensor(type, [1, .nan, .nan, 3]))
            #expect(try evaluate(Binary(.minimum), a, b).numbers.prefix(3).allSatisfy(\.isNaN))
            #expect(try evaluate(Binary(.maximum), a, b).numbers.prefix(3).allSatisfy(\.isNaN))
            #expect(try evaluate(Binary(.equal), a, b).numbers == [0, 0, 0, 0])
            #expect(try evaluate(Binary(.divide), tensor(type, [1, -1]), tensor(type, [0, 0])).numbers == [.infinity, -.infinity])
        }
    }

    @Test func logic() throws {
        let (a, b) = (tensor(.bool, [0, 0, 1, 1]), tensor(.bool, [0, 1, 0, 1]))
        #expect(try evaluate(Binary(.and), a, b).numbers == [0, 0, 0, 1])
        #expect(try evaluate(Binary(.or), a, b).numbers == [0, 1, 1, 1])
        #expect(try evaluate(Binary(.xor), a, b).numbers == [0, 1, 1, 0])
        #expect(try evaluate(Binary(.equal), a, b).numbers == [1, 0, 0, 1])
        // A byte from outside that is neither 0 nor 1 is true.
        let byte = Tensor(TensorType(.bool, [1]), [UInt8(7)])
        #expect(try evaluate(Binary(.and), byte, tensor(.bool, [1])).numbers == [1])
        #expect(try evaluate(Binary(.equal), byte, tensor(.bool, [1])).numbers == [1])
        #expect(try evaluate(Unary(.not), byte).numbers == [0])
        #expect(try evaluate(Cast(to: .float32), byte).numbers == [1])
    }

    @Test(arguments: ElementType.allCases)
    func broadcasting(_ type: ElementType) throws {
        let condition = tensor(.bool, [1, 0, 1], [3, 1])
        let a = tensor(type, [0, 1, 1, 0], [4])
        let y = try evaluate(Select(), condition, a, tensor(type, [1], []))
        #expect(y.type == TensorType(type, [3, 4]))
        #expect(y.numbers == [0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0])
        #expect(try evaluate(Select(), condition, tensor(type, [], [3, 0]), tensor(type, [1], [1])).type == TensorType(type, [3, 0]))
        #expect(try evaluate(Binary(.equal), tensor(type, [0, 1], [2, 1, 1]), tensor(type, [0, 1], [1, 2])).numbers == [1, 0, 0, 1])
    }

    /// More dimensions than a kernel has room for, and more elements than a tile.
    @Test func manyDimensionsAndTiles() throws {
        let (a, b) = (Shape([2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 64]), Shape([1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]))
        let x = Tensor((0..<a.elementCount).map { Float($0) }, shape: a)
        let y = Tensor((0..<b.elementCount).map { Float($0) * 10000 }, shape: b)
        let sum = try evaluate(Add(), x, y)
        #expect(sum.shape == [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 64])
        let expected = (0..<sum.type.elementCount).map { index -> Float in
            var (rest, i, j, iStep, jStep) = (index / 64, 0, 0, 64, 1)
            for axis in 0..<10 {
                if axis % 2 == 0 { j += rest % 2 * jStep; jStep *= 2 } else { i += rest % 2 * iStep; iStep *= 2 }
                rest /= 2
            }
            return Float(i + index % 64) + Float(j) * 10000
        }
        #expect(sum.floatArray == expected)
    }

    @Test func refusals() {
        #expect(throws: InputError.self) { try evaluate(Unary(.exp), tensor(.int32, [1])) }
        #expect(throws: InputError.self) { try evaluate(Unary(.not), tensor(.int32, [1])) }
        #expect(throws: InputError.self) { try evaluate(Unary(.bitwiseNot), tensor(.float32, [1])) }
        #expect(throws: InputError.self) { try evaluate(Binary(.subtract), tensor(.int32, [1]), tensor(.int64, [1])) }
        #expect(throws: InputError.self) { try evaluate(Binary(.and), tensor(.int32, [1]), tensor(.int32, [1])) }
        #expect(throws: InputError.self) { try evaluate(Binary(.less), tensor(.bool, [1]), tensor(.bool, [1])) }
        #expect(throws: InputError.self) { try evaluate(Add(), tensor(.bool, [1]), tensor(.bool, [1])) }
        #expect(throws: InputError.self) { try evaluate(Binary(.subtract), tensor(.int32, [1, 2]), tensor(.int32, [1, 2, 3])) }
        #expect(throws: InputError.self) { try evaluate(Select(), tensor(.int32, [1]), tensor(.int32, [1]), tensor(.int32, [1])) }
        #expect(throws: InputError.self) { try evaluate(SiLU(), tensor(.float16, [1])) }
    }
}
