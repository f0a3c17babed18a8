import CKernels
import Foundation
import Testing

/// A broadcast of operands whose dimensions are those of `size`, or 1 where the flag is false.
private func makeShape(_ size: [Int], _ hasA: [Bool], _ hasB: [Bool]) -> (shape: dd_broadcast, countA: Int, countB: Int) {
    var shape = dd_broadcast()
    shape.rank = Int32(size.count)
    var a = 1
    var b = 1
    for d in size.indices.reversed() {
        func store(
            _ path: WritableKeyPath<dd_broadcast, (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64)>, _ v: Int
        ) {
            withUnsafeMutableBytes(of: &shape[keyPath: path]) { $0.bindMemory(to: Int64.self)[d] = Int64(v) }
        }
        store(\.size, size[d])
        store(\.stride_a, hasA[d] ? a : 0)
        store(\.stride_b, hasB[d] ? b : 0)
        if hasA[d] { a *= size[d] }
        if hasB[d] { b *= size[d] }
    }
    return (shape, a, b)
}

private func reference(
    _ op: (Double, Double) -> Double, _ size: [Int], _ hasA: [Bool], _ hasB: [Bool], _ a: [Float], _ b: [Float]
) -> [Double] {
    (0..<size.reduce(1, *)).map { index in
        var rest = index
        var atA = 0
        var atB = 0
        var strideA = 1
        var strideB = 1
        for d in size.indices.reversed() {
            let i = rest % size[d]
            rest /= size[d]
            if hasA[d] {
                atA += i * strideA
                strideA *= size[d]
            }
            if hasB[d] {
                atB += i * strideB
                strideB *= size[d]
            }
        }
        return op(Double(a[atA]), Double(b[atB]))
    }
}

private let binaryOps: [(dd_binary_op, @Sendable (Double, Double) -> Double)] = [
    (DD_BINARY_ADD, { $0 + $1 }), (DD_BINARY_SUB, { $0 - $1 }), (DD_BINARY_MUL, { $0 * $1 }),
    (DD_BINARY_DIV, { $0 / $1 }),
    (DD_BINARY_MIN, { $0.isNaN || $1.isNaN ? .nan : min($0, $1) }),
    (DD_BINARY_MAX, { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }), (DD_BINARY_POW, { pow($0, $1) }),
]

@Suite struct ElementwiseBinaryTests {
    @Test func broadcastsEveryWay() {
        var numbers = SeededNumbers(11)
        KernelHarness.forEachISA { _ in
            for round in 0..<80 {
                let rank = numbers.below(6)
                let size = (0..<rank).map { _ in [1, 2, 3, 5, 17, 40][numbers.below(6)] }
                let hasA = size.map { _ in numbers.below(3) > 0 }
                let hasB = size.map { _ in numbers.below(3) > 0 }
                guard size.reduce(1, *) < 60_000 else { continue }
                let (shape, countA, countB) = makeShape(size, hasA, hasB)
                let a = numbers.floats(countA, 0.1...3)
                let b = numbers.floats(countB, 0.1...3)
                let (op, exact) = binaryOps[round % binaryOps.count]
                let y = KernelHarness.output(size.reduce(1, *)) { pool, y in
                    withUnsafePointer(to: shape) { dd_binary_f32(pool, op, y, a, b, $0) }
                }
                KernelHarness.expectClose(
                    y, reference(exact, size, hasA, hasB, a, b), absolute: 1.2e-7, relative: 1.2e-7,
                    "\(op) \(size) \(hasA) \(hasB)")
            }
        }
    }

    @Test func longOperandsCrossTasks() {
        var numbers = SeededNumbers(12)
        let size = [3, 7, 2501]
        KernelHarness.forEachISA { _ in
            for (hasA, hasB) in [
                ([true, true, true], [true, true, true]), ([true, true, true], [false, true, false]),
                ([false, false, true], [true, true, true]), ([true, false, true], [false, true, true]),
            ] {
                let (shape, countA, countB) = makeShape(size, hasA, hasB)
                let a = numbers.floats(countA)
                let b = numbers.floats(countB)
                let y = KernelHarness.output(size.reduce(1, *)) { pool, y in
                    withUnsafePointer(to: shape) { dd_binary_f32(pool, DD_BINARY_MUL, y, a, b, $0) }
                }
                KernelHarness.expectClose(y, reference(*, size, hasA, hasB, a, b), absolute: 1e-45, relative: 6e-8)
            }
        }
    }

    @Test func specialValuesAndAliasing() {
        let a: [Float] = [.nan, 1, .infinity, -.infinity, 0, -1, .leastNormalMagnitude / 64, 3, .nan]
        let b: [Float] = [1, .nan, -.infinity, 2, 0, 0, .leastNormalMagnitude / 32, -2, .nan]
        let flags = [true]
        let (shape, _, _) = makeShape([a.count], flags, flags)
        KernelHarness.forEachISA { _ in
            for (op, exact) in binaryOps where op != DD_BINARY_POW {
                let expected = reference(exact, [a.count], flags, flags, a, b)
                for alias in 0..<3 {
                    let y = KernelHarness.output(a.count, initial: alias == 2 ? b : a) { pool, y in
                        withUnsafePointer(to: shape) { s in
                            a.withUnsafeBufferPointer { a in
                                b.withUnsafeBufferPointer { b in
                                    dd_binary_f32(
                                        pool, op, y, alias == 1 ? UnsafePointer(y) : a.baseAddress!,
                                        alias == 2 ? UnsafePointer(y) : b.baseAddress!, s)
                                }
                            }
                        }
                    }
                    KernelHarness.expectClose(y, expected, absolute: 1e-45, relative: 1e-7, "\(op) alias \(alias)")
                }
            }
        }
    }

    @Test func emptyAndScalar() {
        let one: [Float] = [2]
        var (shape, _, _) = makeShape([4, 0], [true, true], [true, true])
        _ = KernelHarness.output(0) { dd_binary_f32($0, DD_BINARY_ADD, $1, one, one, &shape) }
        (shape, _, _) = makeShape([], [], [])
        #expect(KernelHarness.output(1) { dd_binary_f32($0, DD_BINARY_ADD, $1, one, one, &shape) } == [4])
    }
}
