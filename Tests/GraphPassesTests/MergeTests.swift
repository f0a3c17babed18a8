import GraphPasses
import Testing

@Suite struct MergeAttentionProjectionsTests {
    private func attention(_ lines: String, outputs: String = "") -> String {
        graph(
            """
            input %x : f32[1, 10, 16]
            input %context : f32[1, 7, 16]
            parameter @k.bias : f32[32]
            parameter @k.weight : f32[32, 16]
            parameter @n.bias : f32[16]
            parameter @n.weight : f32[16]
            parameter @q.bias : f32[32]
            parameter @q.weight : f32[32, 16]
            parameter @v.bias : f32[32]
            parameter @v.weight : f32[32, 16]
            \(lines)
            output y = %y
            \(outputs)
            """)
    }

    private func projections(_ q: String, _ k: String, _ v: String, keys: Int = 10) -> String {
        """
        %q = linear(\(q) : f32[1, 10, 32]
        %k = linear(\(k) : f32[1, \(keys), 32]
        %v = linear(\(v) : f32[1, \(keys), 32]
        %y = attention(%q, %k, %v) {head_size = 8, scale = 0.5, causal = false} : f32[1, 10, 32]
        """
    }

    @Test func mergesQueryKeyAndValue() throws {
        try expectRewrite(
            attention(projections("%x, @q.weight)", "%x, @k.weight)", "%x, @v.weight)")), by: MergeAttentionProjections(),
            gives: attention(
                """
                %y.query_key_value = linear(%x, @q.weight, @k.weight, @v.weight) {weights = 3} : f32[1, 10, 96]
                %y = attention(%y.query_key_value) {head_size = 8, scale = 0.5, causal = false, packing = query_key_value} : f32[1, 10, 32]
                """))
    }

    @Test func mergesBiasesAndNorms() throws {
        func projection(_ name: String) -> String {
            "%x, @n.weight, @n.bias, @\(name).weight, @\(name).bias) {epsilon = 1e-05, prologue = [layer_norm]}"
        }
        try expectRewrite(
            attention(projections(projection("q"), projection("k"), projection("v"))), by: MergeAttentionProjections(),
            gives: attention(
                """
                %y.query_key_value = linear(%x, @n.weight, @n.bias, @q.weight, @k.weight, @v.weight, @q.bias, @k.bias, @v.bias) \
                {epsilon = 1e-05, weights = 3, prologue = [layer_norm]} : f32[1, 10, 96]
                %y = attention(%y.query_key_value) {head_size = 8, scale = 0.5, causal = false, packing = query_key_value} : f32[1, 10, 32]
                """))
    }

    @Test func mergesKeyAndValue() throws {
        try expectRewrite(
            attention(projections("%x, @q.weight)", "%context, @k.weight)", "%context, @v.weight)", keys: 7)), by: MergeAttentionProjections(),
            gives: attention(
                """
                %q = linear(%x, @q.weight) : f32[1, 10, 32]
                %y.key_value = linear(%context, @k.weight, @v.weight) {weights = 2} : f32[1, 7, 64]
                %y = attention(%q, %y.key_value) {head_size = 8, scale = 0.5, causal = false, packing = key_value} : f32[1, 10, 32]
                """))
    }

    @Test func keepsOthers() throws {
        let pass = MergeAttentionProjections()
        func unchanged(_ k: String, _ v: String, outputs: String = "") throws {
            let lines = projections("%x, @q.weight)", k, v, keys: 7)
            try expectUnchanged(attention(lines, outputs: outputs), by: pass)
        }
        try unchanged("%context, @k.weight, @k.bias)", "%context, @v.weight)")  // one bias
        try unchanged("%context, @k.weight) {epilogue = [silu]}", "%context, @v.weight)")
        try unchanged("%context, @k.weight) {prologue = [silu]}", "%context, @v.weight)")
        try unchanged(
            "%context, @n.weight, @n.bias, @k.weight) {epsilon = 1e-05, prologue = [layer_norm]}",
            "%context, @n.weight, @n.bias, @v.weight) {epsilon = 0.001, prologue = [layer_norm]}")
        try unchanged("%context, @k.weight)", "%context, @v.weight)", outputs: "output k = %k")
        try expectUnchanged(
            attention(
                """
                %c2 = silu(%context) : f32[1, 7, 16]
                \(projections("%x, @q.weight)", "%context, @k.weight)", "%c2, @v.weight)", keys: 7))
                """), by: pass)
        // The same values as keys.
        try expectUnchanged(
            attention(
                """
                %q = linear(%x, @q.weight) : f32[1, 10, 32]
                %k = linear(%context, @k.weight) : f32[1, 7, 32]
                %y = attention(%q, %k, %k) {head_size = 8, scale = 0.5, causal = false} : f32[1, 10, 32]
                """), by: pass)
    }
}

@Suite struct MergeProjectionsTests {
    private func rows(_ lines: String, rows: Int = 1, widths: [Int] = [16, 32, 48], outputs: String = "output u = %u\noutput v = %v") -> String {
        graph(
            """
            input %e : f32[\(rows), 8]
            parameter @a.bias : f32[\(widths[0])]
            parameter @a.weight : f32[\(widths[0]), 8]
            parameter @b.bias : f32[\(widths[1])]
            parameter @b.weight : f32[\(widths[1]), 8]
            \(lines)
            \(outputs)
            """)
    }

    @Test func mergesAndSplits() throws {
        try expectRewrite(
            rows(
                """
                %u = linear(%e, @a.weight, @a.bias) : f32[1, 16]
                %w = silu(%u) : f32[1, 16]
                %v = linear(%e, @b.weight, @b.bias) : f32[1, 32]
                """, outputs: "output w = %w\noutput v = %v"), by: MergeProjections(),
            gives: rows(
                """
                %e.projections = linear(%e, @a.weight, @b.weight, @a.bias, @b.bias) {weights = 2} : f32[1, 48]
                %u, %v = split(%e.projections) {axis = 1, parts = 2, sizes = [16, 32]} : f32[1, 16], f32[1, 32]
                %w = silu(%u) : f32[1, 16]
                """, outputs: "output w = %w\noutput v = %v"))
    }

    @Test func keepsOthers() throws {
        let pass = MergeProjections()
        func two(_ a: String, _ b: String, _ count: Int = 1, _ widths: [Int] = [16, 32]) -> String {
            rows("%u = linear(%e, \(a) : f32[\(count), \(widths[0])]\n%v = linear(%e, \(b) : f32[\(count), \(widths[1])]", rows: count, widths: widths)
        }
        try expectUnchanged(two("@a.weight, @a.bias)", "@b.weight, @b.bias)", 2), by: pass)  // two rows: the parts would be copies
        try expectUnchanged(two("@a.weight, @a.bias)", "@b.weight, @b.bias)", 1, [16, 20]), by: pass)  // no whole cache lines
        try expectUnchanged(two("@a.weight, @a.bias)", "@b.weight)"), by: pass)
        try expectUnchanged(two("@a.weight) {epilogue = [silu]}", "@b.weight)"), by: pass)
        try expectUnchanged(two("@a.weight) {prologue = [silu]}", "@b.weight)"), by: pass)
        try expectUnchanged(
            rows("%u = linear(%e, @a.weight) : f32[1, 16]\n%f = silu(%e) : f32[1, 8]\n%v = linear(%f, @b.weight) : f32[1, 32]"), by: pass)
    }

    /// Layers of another kind between two that fit do not keep these apart.
    @Test func mergesGroupsApart() throws {
        try expectRewrite(
            rows(
                """
                %u = linear(%e, @a.weight, @a.bias) : f32[1, 16]
                %v = linear(%e, @b.weight) : f32[1, 32]
                %w = linear(%e, @b.weight, @b.bias) : f32[1, 32]
                """, outputs: "output u = %u\noutput v = %v\noutput w = %w"), by: MergeProjections(),
            gives: rows(
                """
                %e.projections = linear(%e, @a.weight, @b.weight, @a.bias, @b.bias) {weights = 2} : f32[1, 48]
                %u, %w = split(%e.projections) {axis = 1, parts = 2, sizes = [16, 32]} : f32[1, 16], f32[1, 32]
                %v = linear(%e, @b.weight) : f32[1, 32]
                """, outputs: "output u = %u\noutput v = %v\noutput w = %w"))
    }
}
