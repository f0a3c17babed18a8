import CKernels
import Foundation
import Testing

/// Attention over tensors [batch, token, head, channel] with room between the tokens.
private struct AttentionCase {
    var batch = 1, heads = 1
    var tq: Int, tk: Int, d: Int
    var causal = false, sharedKeys = false, inPlace = false
    var precision = DD_PRECISION_FLOAT32
    /// Queries, keys, values and results lie in memory as bfloat16.
    var narrow = false
    var gap = 0
    var scale: Float
    var q: [Float], k: [Float], v: [Float]

    init(batch: Int = 1, heads: Int = 1, _ tq: Int, _ tk: Int, _ d: Int, gap: Int = 0, shared: Bool = false, seed: UInt64 = 1) {
        var numbers = SeededNumbers(seed)
        (self.batch, self.heads, self.tq, self.tk, self.d, self.gap, sharedKeys) = (batch, heads, tq, tk, d, gap, shared)
        scale = 3 / Float(d).squareRoot()
        q = numbers.floats(batch * tq * (heads * d + gap))
        k = numbers.floats((shared ? 1 : batch) * tk * (heads * d + gap))
        v = numbers.floats((shared ? 1 : batch) * tk * (heads * d + gap))
    }

    var token: Int { heads * d + gap }

    func expected() -> [Double] {
        var y: [Double] = []
        let kv = sharedKeys ? 0 : tk * token
        for b in 0..<batch {
            for i in 0..<tq {
                for h in 0..<heads {
                    let seen = causal ? i + tk - tq + 1 : tk
                    var weights = (0..<seen).map { j in
                        (0..<d).reduce(0.0) {
                            $0 + Double(q[(b * tq + i) * token + h * d + $1]) * Double(k[b * kv + j * token + h * d + $1])
                        } * Double(scale)
                    }
                    let top = weights.max()!
                    weights = weights.map { exp($0 - top) }
                    let sum = weights.reduce(0, +)
                    for c in 0..<d {
                        y.append((0..<seen).reduce(0.0) { $0 + weights[$1] * Double(v[b * kv + $1 * token + h * d + c]) } / sum)
                    }
                }
            }
        }
        return y
    }

    /// Numbers as they lie in memory.
    private func stored(_ numbers: [Float]) -> AlignedBytes {
        let bytes = AlignedBytes(Int64(max(1, numbers.count) * 4))
        for (i, number) in numbers.enumerated() {
            if narrow {
                bytes.pointer.storeBytes(of: UInt16(number.bitPattern >> 16), toByteOffset: i * 2, as: UInt16.self)
            } else {
                bytes.pointer.storeBytes(of: number, toByteOffset: i * 4, as: Float.self)
            }
        }
        return bytes
    }

    func run(_ pool: OpaquePointer?) -> [Float] {
        let count = batch * tq * token
        let (q, k, v) = (stored(q), stored(k), stored(v))
        let y = inPlace ? q : stored([Float](repeating: .signalingNaN, count: count))
        var args = dd_attention_args()
        (args.batch, args.heads, args.tq, args.tk, args.d) = (Int64(batch), Int64(heads), Int64(tq), Int64(tk), Int64(d))
        args.scale = scale
        args.causal = causal ? 1 : 0
        args.precision = precision
        (args.q, args.k, args.v, args.y) = (UnsafeRawPointer(q.pointer), UnsafeRawPointer(k.pointer), UnsafeRawPointer(v.pointer), y.pointer)
        if narrow { (args.q_type, args.k_type, args.v_type, args.y_type) = (DD_BF16, DD_BF16, DD_BF16, DD_BF16) }
        let queries = dd_attention_view(batch_stride: Int64(tq * token), token_stride: Int64(token), head_stride: Int64(d))
        let keys = dd_attention_view(
            batch_stride: Int64(sharedKeys ? 0 : tk * token), token_stride: Int64(token), head_stride: Int64(d))
        (args.q_view, args.y_view, args.k_view, args.v_view) = (queries, queries, keys, keys)
        let scratch = AlignedBytes(dd_attention_scratch_bytes(&args, dd_pool_size(pool)))
        dd_attention(pool, &args, scratch.pointer)
        let results = (0..<count).map { i in
            narrow
                ? Float(bitPattern: UInt32(y.pointer.load(fromByteOffset: i * 2, as: UInt16.self)) << 16)
                : y.pointer.load(fromByteOffset: i * 4, as: Float.self)
        }
        return (0..<batch * tq).flatMap { results[$0 * token..<$0 * token + heads * d] }
    }

    func check(_ note: String = "", location: SourceLocation = #_sourceLocation) {
        let expected = expected()
        let tolerance = [DD_PRECISION_FLOAT32: narrow ? 4e-3 : 4e-6, DD_PRECISION_BFLOAT16: 2e-2, DD_PRECISION_INT16: 5e-3][precision]!
        KernelHarness.forEachISA { _ in
            let name = "\(String(cString: dd_attention_variant(precision))) \(tq)x\(tk)x\(d) \(note)"
            let results = ProductTests.pools.map(run)
            let bits = results.map { $0.map(\.bitPattern) }
            #expect(bits.allSatisfy { $0 == bits[0] }, "\(name) differs with threads", sourceLocation: location)
            let wrong = zip(results[0], expected).enumerated().first { !(abs(Double($1.0) - $1.1) <= tolerance) }
            if let (at, (got, want)) = wrong {
                Issue.record("\(name) at \(at): \(got), expected \(want)", sourceLocation: location)
            }
        }
    }
}

@Suite struct AttentionTests {
    @Test(arguments: [
        (1, 1, 1), (7, 5, 3), (8, 32, 64), (49, 77, 64), (13, 33, 80), (47, 31, 31), (2, 1, 40), (97, 101, 32), (3, 200, 512),
        (5, 1024, 8), (9, 1025, 8), (3, 1537, 33),
        (70, 333, 48), (24, 700, 64), (16, 600, 17),
    ])
    func shapes(_ tq: Int, _ tk: Int, _ d: Int) {
        for precision in ProductTests.gemmPrecisions {
            var attention = AttentionCase(tq, tk, d, seed: UInt64(tq + tk + d))
            attention.precision = precision
            attention.check()
        }
    }

    @Test func headsBatchesAndStrides() {
        for precision in ProductTests.gemmPrecisions {
            for shared in [false, true] {
                var attention = AttentionCase(batch: 3, heads: 5, 17, 21, 11, gap: 7, shared: shared, seed: 4)
                attention.precision = precision
                attention.check("shared \(shared)")
                attention.inPlace = true
                attention.check("shared \(shared), in place")
            }
        }
    }

    /// Values in memory as bfloat16: the result is that of the same numbers as floats, rounded.
    @Test(arguments: [
        (1, 1, 1), (7, 5, 3), (49, 77, 64), (47, 31, 31), (3, 200, 512), (9, 1025, 8), (70, 333, 48), (16, 600, 17), (5, 70, 600), (3, 40, 1024),
    ])
    func narrowStorage(_ tq: Int, _ tk: Int, _ d: Int) {
        for precision in ProductTests.gemmPrecisions {
            for inPlace in [false, true] {
                var attention = AttentionCase(batch: 2, heads: 2, tq, tk, d, gap: 3, seed: UInt64(tq + tk + d))
                (attention.precision, attention.narrow, attention.inPlace) = (precision, true, inPlace)
                func rounded(_ numbers: [Float]) -> [Float] { numbers.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) } }
                (attention.q, attention.k, attention.v) = (rounded(attention.q), rounded(attention.k), rounded(attention.v))
                attention.check(inPlace ? "narrow, in place" : "narrow")
            }
        }
    }

    @Test(arguments: [(1, 1), (33, 33), (77, 77), (50, 93), (20, 1100), (100, 1100)]) func causal(_ tq: Int, _ tk: Int) {
        for precision in ProductTests.gemmPrecisions {
            var attention = AttentionCase(heads: 2, tq, tk, 16, seed: 5)
            attention.causal = true
            attention.precision = precision
            attention.check("causal")
        }
    }

    /// Large scores: the softmax is nearly a choice of one key, and nothing overflows.
    @Test func largeScores() {
        for tk in [40, 1200] {
            var attention = AttentionCase(9, tk, 8, seed: 6)
            attention.q = attention.q.map { $0 * 100 }
            attention.k = attention.k.map { $0 * 100 }
            KernelHarness.forEachISA { _ in
                let y = attention.run(nil)
                #expect(zip(y, attention.expected()).allSatisfy { abs(Double($0) - $1) < 2e-2 })
            }
        }
    }

    /// Scores that grow from one block of keys to the next: what was summed before is rescaled.
    @Test func growingScores() {
        for precision in ProductTests.gemmPrecisions {
            var attention = AttentionCase(21, 900, 32, seed: 8)
            attention.precision = precision
            for token in 0..<900 {
                for c in 0..<32 { attention.k[token * 32 + c] *= 1 + Float(token / 300) }
            }
            attention.check("growing")
        }
    }

    /// Scores of minus infinity are as if the key were not there, wherever it lies; NaN and +infinity spoil their own row only.
    @Test func specialValues() {
        for (tk, hidden) in [(40, 3..<35), (1300, 0..<600), (1300, 500..<1300)] {
            var attention = AttentionCase(11, tk, 4, seed: 7)
            for i in 0..<11 { attention.q[i * 4] = 1 }
            var visible = attention
            for j in hidden { attention.k[j * 4] = -.infinity }
            let kept = (0..<tk).filter { !hidden.contains($0) }
            visible.tk = kept.count
            visible.k = kept.flatMap { attention.k[$0 * 4..<$0 * 4 + 4] }
            visible.v = kept.flatMap { attention.v[$0 * 4..<$0 * 4 + 4] }
            let expected = visible.expected()
            for precision in ProductTests.precisions {
                attention.precision = precision
                var spoiled = attention
                spoiled.q[5 * 4 + 1] = .nan
                spoiled.q[8 * 4 + 1] = .infinity
                let tolerance = precision == DD_PRECISION_BFLOAT16 ? 2e-2 : 4e-6
                KernelHarness.forEachISA { _ in
                    #expect(zip(attention.run(nil), expected).allSatisfy { abs(Double($0) - $1) < tolerance })
                    let y = spoiled.run(nil)
                    for i in 0..<11 {
                        let row = y[i * 4..<i * 4 + 4]
                        #expect(row.allSatisfy { $0.isNaN == (i == 5 || i == 8) }, "row \(i)")
                    }
                }
            }
        }
    }

    /// In int16 a scale is shared: a query that is not finite spoils its own row, a key or value all rows.
    @Test(arguments: [Float.nan, .infinity, -.infinity]) func int16OfNonFiniteValues(_ value: Float) {
        for tk in [40, 900] {
            var attention = AttentionCase(11, tk, 4, seed: 9)
            attention.precision = DD_PRECISION_INT16
            let expected = attention.expected()
            attention.q[5 * 4 + 1] = value
            KernelHarness.forEachISA { _ in
                let y = attention.run(nil)
                for i in 0..<11 {
                    let isNear = (i * 4..<i * 4 + 4).allSatisfy { abs(Double(y[$0]) - expected[$0]) < 5e-3 }
                    let isSpoiled = y[i * 4..<i * 4 + 4].allSatisfy { !$0.isFinite }
                    #expect(i == 5 ? isSpoiled : isNear, "row \(i)")
                }
            }
            var (key, weighted) = (attention, attention)
            (key.q[5 * 4 + 1], weighted.q[5 * 4 + 1]) = (0.5, 0.5)
            key.k[9 * 4 + 2] = value
            weighted.v[9 * 4 + 2] = value
            KernelHarness.forEachISA { _ in
                #expect(key.run(nil).allSatisfy { !$0.isFinite })
                let y = weighted.run(nil)
                #expect((0..<11).allSatisfy { !y[$0 * 4 + 2].isFinite && y[$0 * 4 + 1].isFinite })
            }
        }
    }

    /// Where most of the weight lies on one key, the small weights of many others still count.
    @Test func int16OfASharpSoftmax() {
        var attention = AttentionCase(8, 1024, 32, seed: 10)
        attention.precision = DD_PRECISION_INT16
        attention.q = attention.q.map { $0 * 3 }
        for c in 0..<32 { attention.k[77 * 32 + c] = attention.q[3 * 32 + c] }
        let expected = attention.expected()
        KernelHarness.forEachISA { _ in #expect(zip(attention.run(nil), expected).allSatisfy { abs(Double($0) - $1) < 5e-3 }) }
    }

    @Test func scratchStaysSmall() {
        var args = dd_attention_args()
        (args.batch, args.heads, args.tq, args.tk, args.d) = (1, 1, 16384, 16384, 512)
        args.k_view.batch_stride = 1
        args.v_view.batch_stride = 1
        let one = dd_attention_scratch_bytes(&args, 1)
        #expect(dd_attention_scratch_bytes(&args, 2) - one < 4 << 20)
        #expect(one < 2 * 16384 * 512 * 4 + (4 << 20))
    }
}
