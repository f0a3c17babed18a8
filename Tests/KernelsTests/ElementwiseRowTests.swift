import CKernels
import Foundation
import Testing

@Suite struct ElementwiseRowTests {
    @Test(arguments: [
        (1, 1, 1), (4, 7, 1), (2, 64, 1), (3, 1000, 1), (2, 5, 3), (1, 25, 700), (3, 17, 16), (2, 0, 3), (2, 0, 1),
        (0, 4, 4),
        (1, 50_000, 1),
    ])
    func reduces(_ outer: Int, _ reduced: Int, _ inner: Int) {
        var numbers = SeededNumbers(3)
        let x = numbers.floats(outer * reduced * inner, -1.5...1.5)
        let ops: [(dd_reduce_op, Double, (Double, Double) -> Double)] = [
            (DD_REDUCE_SUM, 0, +), (DD_REDUCE_MEAN, 0, +), (DD_REDUCE_MAX, -.infinity, max),
            (DD_REDUCE_MIN, .infinity, min),
            (DD_REDUCE_PROD, 1, *), (DD_REDUCE_SUM_SQUARE, 0, { $0 + $1 * $1 }), (DD_REDUCE_L1, 0, { $0 + abs($1) }),
        ]
        KernelHarness.forEachISA { _ in
            for (op, initial, step) in ops {
                let y = KernelHarness.output(outer * inner) { pool, y in
                    dd_reduce_f32(pool, op, y, x, Int64(outer), Int64(reduced), Int64(inner))
                }
                let expected = (0..<outer * inner).map { i -> Double in
                    let values = (0..<reduced).map { Double(x[(i / inner * reduced + $0) * inner + i % inner]) }
                    let result = values.reduce(initial, step)
                    return op == DD_REDUCE_MEAN ? result / Double(reduced) : result
                }
                KernelHarness.expectClose(y, expected, absolute: 1e-9, relative: 6.1e-8, "\(op)")
            }
        }
    }

    @Test(arguments: [1, 30, 200]) func reductionsKeepNaN(_ n: Int) {
        for at in [0, n / 2, n - 1] {
            var x = [Float](repeating: 1, count: n)
            x[at] = .nan
            KernelHarness.forEachISA { _ in
                for op in [DD_REDUCE_SUM, DD_REDUCE_MAX, DD_REDUCE_MIN, DD_REDUCE_PROD, DD_REDUCE_L1] {
                    let row = KernelHarness.output(1) { dd_reduce_f32($0, op, $1, x, 1, Int64(n), 1) }
                    let columns = KernelHarness.output(n) { dd_reduce_f32($0, op, $1, x, 1, 1, Int64(n)) }
                    #expect(row[0].isNaN && columns[at].isNaN && columns.filter { $0.isNaN }.count == 1)
                }
            }
        }
    }

    @Test(arguments: [(0, 5), (1, 1), (3, 2), (5, 15), (4, 16), (3, 77), (7, 513), (2, 20_000), (40, 1000)])
    func softmax(_ rows: Int, _ n: Int) {
        var numbers = SeededNumbers(21)
        var x = numbers.floats(rows * n, -30...60)
        if n > 2 && rows > 2 {
            x[n] = -.infinity
            x[n + 1] = 1000
        }
        let expected = (0..<rows).flatMap { r -> [Double] in
            let row = x[r * n..<(r + 1) * n].map(Double.init)
            let top = row.max()!
            let e = row.map { exp($0 - top) }
            let sum = e.reduce(0, +)
            return e.map { $0 / sum }
        }
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(rows * n) { dd_softmax_f32($0, $1, x, Int64(rows), Int64(n)) }
            // The difference to the largest is rounded, by up to half a unit of 90 in the last place.
            KernelHarness.expectClose(y, expected, absolute: 3e-38, relative: 5e-6)
            let inPlace = KernelHarness.output(rows * n, initial: x) {
                dd_softmax_f32($0, $1, $1, Int64(rows), Int64(n))
            }
            KernelHarness.expectSame(inPlace, y)
        }
    }

    @Test func softmaxOfSpecialRows() {
        let n = 20
        var x = [Float](repeating: -.infinity, count: 3 * n)
        x[n + 7] = .nan
        x[2 * n + 18] = 3
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(3 * n) { dd_softmax_f32($0, $1, x, 3, Int64(n)) }
            #expect(y[0..<2 * n].allSatisfy { $0.isNaN })
            #expect((0..<n).allSatisfy { y[2 * n + $0] == ($0 == 18 ? 1 : 0) })
        }
    }

    @Test func causalMask() {
        var numbers = SeededNumbers(2)
        for (batch, rows, columns) in [(2, 77, 77), (1, 1, 1), (3, 4, 9), (2, 9, 4), (0, 3, 3)] {
            let x = numbers.floats(batch * rows * columns)
            let expected = x.indices.map { i in i % columns > i / columns % rows ? -Float.infinity : x[i] }
            let sizes = (Int64(batch), Int64(rows), Int64(columns))
            let y = KernelHarness.output(x.count) { dd_causal_mask_f32($0, $1, x, sizes.0, sizes.1, sizes.2) }
            KernelHarness.expectSame(y, expected)
            let inPlace = KernelHarness.output(x.count, initial: x) {
                dd_causal_mask_f32($0, $1, $1, sizes.0, sizes.1, sizes.2)
            }
            KernelHarness.expectSame(inPlace, expected)
        }
    }

    @Test(arguments: [1, 2, 5, 128, 320]) func timestepEmbedding(_ dimension: Int) {
        for t in [Float(0), 1, 499, 999] {
            let y = KernelHarness.output(dimension) { dd_timestep_embedding_f32($1, t, Int64(dimension), 10000) }
            let half = dimension / 2
            for k in 0..<half {
                let exponent = -Float(log(10000.0)) * Float(k) / Float(half)
                let angle = t * Float(exp(Double(exponent)))
                #expect(y[k] == Float(cos(Double(angle))) && y[half + k] == Float(sin(Double(angle))))
            }
            if dimension % 2 == 1 { #expect(y[dimension - 1] == 0) }
        }
    }

    @Test func embedding() {
        let table = (0..<50 * 6).map { UInt16($0) }
        let ids: [Int32] = [0, 49, 3, -1, -50, -51, 50, 7, .max, .min, 12]
        let y = KernelHarness.output(ids.count * 6, of: UInt16.self) {
            dd_embedding($0, $1, table, ids, Int64(ids.count), 12, 50)
        }
        let rows = ids.map { $0 < 0 ? Int($0) + 50 : Int($0) }
        let expected = rows.flatMap { row in (0..<6).map { (0..<50).contains(row) ? table[row * 6 + $0] : 0 } }
        #expect(y == expected)
        _ = KernelHarness.output(0) { dd_embedding($0, $1, table, ids, 0, 12, 50) }
    }
}
