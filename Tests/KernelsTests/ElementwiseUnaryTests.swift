import CKernels
import Foundation
import Testing

/// One op, its exact value, and how far from it the kernel may be.
private struct UnaryCase: CustomStringConvertible, Sendable {
    let op: dd_unary_op
    let description: String
    var p0: Float = 0
    var p1: Float = 0
    var absolute = 0.0
    var relative = 1.2e-7
    var range: ClosedRange<Float> = -20...20
    let exact: @Sendable (Double) -> Double
}

private func clamp(_ x: Double, _ low: Double, _ high: Double) -> Double { x.isNaN ? x : min(max(x, low), high) }

// The logistic function goes to zero where exp(-x) overflows, before it becomes denormal.
private let unaryCases: [UnaryCase] = [
    UnaryCase(op: DD_UNARY_SILU, description: "silu", absolute: 3e-37, relative: 3.5e-7) {
        $0 == -.infinity ? .nan : $0 / (1 + exp(-$0))
    },
    UnaryCase(op: DD_UNARY_GELU, description: "gelu", absolute: 6e-8, relative: 3.5e-7, range: -6...6) {
        $0 == -.infinity ? 0 : 0.5 * $0 * erfc(-$0 / 2.squareRoot())
    },
    UnaryCase(op: DD_UNARY_SIGMOID, description: "sigmoid", absolute: 3e-39, relative: 3.5e-7) { 1 / (1 + exp(-$0)) },
    UnaryCase(op: DD_UNARY_EXP, description: "exp", absolute: 1.5e-45, relative: 1.2e-7, range: -104...89) { exp($0) },
    UnaryCase(op: DD_UNARY_LOG, description: "log", absolute: 0, relative: 2.4e-7, range: 0...1000) { log($0) },
    UnaryCase(op: DD_UNARY_SQRT, description: "sqrt", relative: 6e-8, range: 0...1000) { $0.squareRoot() },
    UnaryCase(op: DD_UNARY_TANH, description: "tanh", relative: 3e-7, range: -10...10) { tanh($0) },
    UnaryCase(op: DD_UNARY_ERF, description: "erf", relative: 2.4e-7, range: -5...5) { erf($0) },
    UnaryCase(op: DD_UNARY_ABS, description: "abs", relative: 0) { abs($0) },
    UnaryCase(op: DD_UNARY_NEG, description: "neg", relative: 0) { -$0 },
    UnaryCase(op: DD_UNARY_RELU, description: "relu", relative: 0) { $0 < 0 ? 0 : $0 },
    UnaryCase(op: DD_UNARY_RECIPROCAL, description: "reciprocal", absolute: 1e-45, relative: 6e-8) { 1 / $0 },
    UnaryCase(op: DD_UNARY_FLOOR, description: "floor", relative: 0) { $0.rounded(.down) },
    UnaryCase(op: DD_UNARY_CEIL, description: "ceil", relative: 0) { $0.rounded(.up) },
    UnaryCase(op: DD_UNARY_ROUND, description: "round", relative: 0) { $0.rounded(.toNearestOrEven) },
    UnaryCase(op: DD_UNARY_SIGN, description: "sign", relative: 0) { $0.isNaN ? .nan : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
    UnaryCase(op: DD_UNARY_SIN, description: "sin", absolute: 1e-45, relative: 1.2e-7) { sin($0) },
    UnaryCase(op: DD_UNARY_COS, description: "cos", relative: 1.2e-7) { cos($0) },
    UnaryCase(op: DD_UNARY_SOFTPLUS, description: "softplus", absolute: 1e-44, relative: 4e-7) {
        $0.isNaN ? .nan : max($0, 0) + log1p(exp(-abs($0)))
    },
    UnaryCase(op: DD_UNARY_LINEAR, description: "linear", p0: 1.5, p1: -0.25, absolute: 1e-7, relative: 1.2e-7) {
        1.5 * $0 - 0.25
    },
    UnaryCase(op: DD_UNARY_LEAKY_RELU, description: "leaky relu", p0: 0.125, absolute: 1e-45, relative: 6e-8) {
        $0 < 0 ? 0.125 * $0 : $0
    },
    UnaryCase(op: DD_UNARY_ELU, description: "elu", p0: 0.5, absolute: 1.2e-7, relative: 1.2e-7) {
        $0 < 0 ? 0.5 * expm1($0) : $0
    },
    UnaryCase(op: DD_UNARY_HARD_SIGMOID, description: "hard sigmoid", p0: 0.25, p1: 0.5, absolute: 1e-7) {
        clamp(0.25 * $0 + 0.5, 0, 1)
    },
    UnaryCase(op: DD_UNARY_HARD_SWISH, description: "hard swish", absolute: 2e-7, relative: 2.4e-7) {
        $0 == -.infinity ? .nan : $0 * clamp($0 / 6 + 0.5, 0, 1)
    },
]

private let specials: [Float] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
    -.leastNormalMagnitude, .leastNormalMagnitude / 8, -.leastNormalMagnitude / 8, .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, 0.5, 1.5, 2.5, -0.5, -1.5,
    -2.5, 88.7, 88.73, 89, 100, -87.3, -87.5, -103, -103.9, -104.1, -150, 1e-8, -1e-8, 0.625, 0.6251, 0.92773, 0.9278,
    4, 16,
]

@Suite struct ElementwiseUnaryTests {
    @Test(arguments: unaryCases) fileprivate func matchesTheExactValue(_ unary: UnaryCase) {
        var numbers = SeededNumbers(7)
        let inputs =
            [0, 1, 3, 15, 16, 17, 33, 63, 100].map { numbers.floats($0, unary.range) } + [
                specials,
                (0..<50_001).map {
                    unary.range.lowerBound + (unary.range.upperBound - unary.range.lowerBound) * Float($0) / 50_000
                },
                (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: numbers.next())) },
            ]
        KernelHarness.forEachISA { isa in
            for x in inputs {
                // A libm call of a large argument or the arithmetic near the ends of the range is not what is measured.
                let checked = x.map { v in
                    let wide = abs(v) > 1e30 || (abs(v) < 1e-30 && v != 0)
                    return wide && v.isFinite && unary.relative > 0 ? unary.range.upperBound : v
                }
                let y = KernelHarness.output(x.count) { pool, y in
                    dd_unary_f32(pool, unary.op, y, checked, Int64(x.count), unary.p0, unary.p1)
                }
                let expected = checked.map { unary.exact(Double($0)) }
                KernelHarness.expectClose(
                    y, expected, absolute: unary.absolute, relative: unary.relative,
                    "\(unary) \(String(cString: dd_isa_name(isa)))")
                let inPlace = KernelHarness.output(x.count, initial: checked) { pool, y in
                    dd_unary_f32(pool, unary.op, y, y, Int64(x.count), unary.p0, unary.p1)
                }
                #expect(zip(y, inPlace).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }, "\(unary) in place")
            }
        }
    }

    @Test func extremesDoNotOverflowOnTheWay() {
        let tiny = Float.leastNonzeroMagnitude
        let x: [Float] = [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .infinity, tiny, -tiny, 1e-37]
        func values(_ op: dd_unary_op) -> [Float] {
            KernelHarness.output(x.count) { pool, y in dd_unary_f32(pool, op, y, x, Int64(x.count), 0, 0) }
        }
        KernelHarness.forEachISA { _ in
            #expect(values(DD_UNARY_SILU)[0...2] == [.greatestFiniteMagnitude, -0.0, .infinity])
            #expect(values(DD_UNARY_GELU)[0...2] == [.greatestFiniteMagnitude, values(DD_UNARY_GELU)[1], .infinity])
            #expect(abs(values(DD_UNARY_GELU)[1]) < 1e-30)
            #expect(values(DD_UNARY_SIGMOID) == [1, 0, 1, 0.5, 0.5, 0.5])
            #expect(values(DD_UNARY_TANH) == [1, -1, 1, tiny, -tiny, 1e-37])
            #expect(values(DD_UNARY_ERF)[0...2] == [1, -1, 1])
            #expect(values(DD_UNARY_EXP) == [.infinity, 0, .infinity, 1, 1, 1])
            #expect(values(DD_UNARY_SOFTPLUS)[0...2] == [.greatestFiniteMagnitude, 0, .infinity])
            #expect(abs(values(DD_UNARY_LOG)[3] - -103.27893) < 1e-4)
        }
    }

    /// Units in the last place, over the whole range with a normal result.
    @Test func exponentialIsWithinTwoUnits() {
        let x = (0..<1_000_003).map { Float(-87.3) + Float(175.9) * Float($0) / 1_000_003 }
        KernelHarness.forEachISA { isa in
            var y = [Float](repeating: 0, count: x.count)
            dd_unary_f32(nil, DD_UNARY_EXP, &y, x, Int64(x.count), 0, 0)
            var worst = 0.0
            for (a, b) in zip(x, y) {
                let exact = exp(Double(a))
                worst = max(worst, abs(Double(b) - exact) / Double(Float(exact).ulp))
            }
            #expect(worst < 1.5, "\(String(cString: dd_isa_name(isa)))")
        }
    }
}
