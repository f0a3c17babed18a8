import GraphPasses
import Testing

@Suite struct FuseAttentionTests {
    /// 35 tokens of 4 heads of 8.
    private func heads(
        scale: String? = "0.25", mask: Bool = false, permutation: String = "[0, 2, 1, 3]", last: String = "[0, 2, 1, 3]", extra: String = ""
    ) -> String {
        var lines = [
            "input %q : f32[2, 35, 32]", "input %k : f32[2, 35, 32]", "input %v : f32[2, 35, 32]",
            "%q4 = unflatten(%q) {axis = 2, sizes = [-1, 8]} : f32[2, 35, 4, 8]",
            "%qh = transpose(%q4) {permutation = [0, 2, 1, 3]} : f32[2, 4, 35, 8]",
            "%k4 = unflatten(%k) {axis = 2, sizes = [4, 8]} : f32[2, 35, 4, 8]",
            "%kh = transpose(%k4) {permutation = \(permutation)} : f32[2, 4, 35, 8]",
            "%v4 = unflatten(%v) {axis = 2, sizes = [-1, 8]} : f32[2, 35, 4, 8]",
            "%vh = transpose(%v4) {permutation = [0, 2, 1, 3]} : f32[2, 4, 35, 8]",
            "%s0 = matmul(%qh, %kh) {transpose_b = true} : f32[2, 4, 35, 35]",
        ]
        if let scale { lines.append("%s1 = scale(%s0) {factor = \(scale)} : f32[2, 4, 35, 35]") }
        let scores = scale == nil ? "%s0" : "%s1"
        if mask { lines.append("%s2 = causal_mask(\(scores)) : f32[2, 4, 35, 35]") }
        lines += [
            "%p = softmax(\(mask ? "%s2" : scores)) : f32[2, 4, 35, 35]",
            "%m = matmul(%p, %vh) {transpose_b = false} : f32[2, 4, 35, 8]",
            "%t = transpose(%m) {permutation = \(last)} : f32[2, 35, 4, 8]",
            "%y = flatten(%t) {first = 2, last = 3} : f32[2, 35, 32]",
            "output y = %y", extra,
        ]
        return graph(lines.joined(separator: "\n"))
    }

    private func fused(_ attributes: String) -> String {
        graph(
            """
            input %q : f32[2, 35, 32]
            input %k : f32[2, 35, 32]
            input %v : f32[2, 35, 32]
            %y = attention(%q, %k, %v) {\(attributes)} : f32[2, 35, 32]
            output y = %y
            """)
    }

    @Test func raisesHeads() throws {
        try expectRewrite(heads(), by: FuseAttention(), gives: fused("head_size = 8, scale = 0.25, causal = false"))
        try expectRewrite(heads(mask: true), by: FuseAttention(), gives: fused("head_size = 8, scale = 0.25, causal = true"))
        try expectRewrite(heads(scale: nil), by: FuseAttention(), gives: fused("head_size = 8, scale = 1.0, causal = false"))
    }

    @Test(arguments: ["output p = %p", "output s = %s0", "output m = %m"])
    func keepsWhatOthersRead(_ output: String) throws { try expectUnchanged(heads(extra: output), by: FuseAttention()) }

    @Test func raisesOneHead() throws {
        let lines = { (product: String) in
            graph(
                """
                input %q : f32[1, 35, 24]
                input %k : f32[1, 35, 24]
                input %v : f32[1, 35, 24]
                \(product)
                output y = %y
                """)
        }
        try expectRewrite(
            lines(
                """
                %s0 = matmul(%q, %k) {transpose_b = true} : f32[1, 35, 35]
                %s1 = scale(%s0) {factor = 0.125} : f32[1, 35, 35]
                %p = softmax(%s1) : f32[1, 35, 35]
                %y = matmul(%p, %v) {transpose_b = false} : f32[1, 35, 24]
                """), by: FuseAttention(),
            gives: lines("%y = attention(%q, %k, %v) {head_size = 24, scale = 0.125, causal = false} : f32[1, 35, 24]"))
    }

    /// Tokens that are wanted in another shape.
    @Test func raisesWhatEndsInAnotherShape() throws {
        let flat = "%y = flatten(%t) {first = 1, last = 2} : f32[2, 140, 8]"
        try expectRewrite(
            heads().replacing("%y = flatten(%t) {first = 2, last = 3} : f32[2, 35, 32]", with: flat), by: FuseAttention(),
            gives: graph(
                """
                input %q : f32[2, 35, 32]
                input %k : f32[2, 35, 32]
                input %v : f32[2, 35, 32]
                %t.tokens = attention(%q, %k, %v) {head_size = 8, scale = 0.25, causal = false} : f32[2, 35, 32]
                %t = reshape(%t.tokens) {shape = [2, 35, 4, 8]} : f32[2, 35, 4, 8]
                \(flat)
                output y = %y
                """))
    }

    /// The heads' results are never put side by side.
    @Test func keepsOtherPermutations() throws {
        try expectUnchanged(
            heads().replacing("%t = transpose(%m) {permutation = [0, 2, 1, 3]} : f32[2, 35, 4, 8]", with: "%t = silu(%m) : f32[2, 4, 35, 8]")
                .replacing("%y = flatten(%t) {first = 2, last = 3} : f32[2, 35, 32]", with: "%y = flatten(%t) {first = 2, last = 3} : f32[2, 4, 280]"),
            by: FuseAttention())
    }

    /// Keys that are transposed by themselves, heads counted among the images, the scale's square root on both sides.
    @Test func raisesOtherWaysToTheSameHeads() throws {
        try expectRewrite(
            graph(
                """
                input %q : f32[2, 35, 32]
                input %k : f32[2, 35, 32]
                input %v : f32[2, 35, 32]
                %q4 = reshape(%q) {shape = [2, 35, 4, 8]} : f32[2, 35, 4, 8]
                %qh = transpose(%q4) {permutation = [0, 2, 1, 3]} : f32[2, 4, 35, 8]
                %qb = reshape(%qh) {shape = [8, 35, 8]} : f32[8, 35, 8]
                %qs = scale(%qb) {factor = 0.5946036} : f32[8, 35, 8]
                %ks = scale(%k) {factor = 0.5946036} : f32[2, 35, 32]
                %k4 = reshape(%ks) {shape = [2, 35, 4, 8]} : f32[2, 35, 4, 8]
                %kt = transpose(%k4) {permutation = [0, 2, 3, 1]} : f32[2, 4, 8, 35]
                %kb = reshape(%kt) {shape = [8, 8, 35]} : f32[8, 8, 35]
                %v4 = reshape(%v) {shape = [2, 35, 4, 8]} : f32[2, 35, 4, 8]
                %vh = transpose(%v4) {permutation = [0, 2, 1, 3]} : f32[2, 4, 35, 8]
                %vb = reshape(%vh) {shape = [8, 35, 8]} : f32[8, 35, 8]
                %s = matmul(%qs, %kb) {transpose_b = false} : f32[8, 35, 35]
                %p = softmax(%s) : f32[8, 35, 35]
                %m = matmul(%p, %vb) {transpose_b = false} : f32[8, 35, 8]
                %m4 = reshape(%m) {shape = [2, 4, 35, 8]} : f32[2, 4, 35, 8]
                %t = transpose(%m4) {permutation = [0, 2, 1, 3]} : f32[2, 35, 4, 8]
                %y = reshape(%t) {shape = [2, 35, 32]} : f32[2, 35, 32]
                output y = %y
                """), by: FuseAttention(), gives: fused("head_size = 8, scale = 0.35355338, causal = false"))
    }

    @Test func raisesChannelsOfAnImageAsKeys() throws {
        func image(_ lines: String) -> String {
            graph("input %q : f32[1, 6, 8]\ninput %image : f32[1, 8, 2, 3]\ninput %v : f32[1, 6, 8]\n\(lines)\noutput y = %y")
        }
        try expectRewrite(
            image(
                """
                %k = reshape(%image) {shape = [1, 8, 6]} : f32[1, 8, 6]
                %s = matmul(%q, %k) {transpose_b = false} : f32[1, 6, 6]
                %p = softmax(%s) : f32[1, 6, 6]
                %y = matmul(%p, %v) {transpose_b = false} : f32[1, 6, 8]
                """), by: FuseAttention(),
            gives: image(
                """
                %image.tokens = tokens_from_image(%image) : f32[1, 6, 8]
                %y = attention(%q, %image.tokens, %v) {head_size = 8, scale = 1.0, causal = false} : f32[1, 6, 8]
                """))
    }

    /// A scale of the values is no factor of the scores.
    @Test func keepsTheScaleOfValues() throws {
        func scaled(_ lines: String) -> String {
            graph(
                "input %q : f32[1, 6, 8]\ninput %k : f32[1, 6, 8]\ninput %v : f32[1, 6, 8]\n%vs = scale(%v) {factor = 0.5} : f32[1, 6, 8]\n\(lines)\noutput y = %y"
            )
        }
        try expectRewrite(
            scaled(
                """
                %s = matmul(%q, %k) {transpose_b = true} : f32[1, 6, 6]
                %p = softmax(%s) : f32[1, 6, 6]
                %y = matmul(%p, %vs) {transpose_b = false} : f32[1, 6, 8]
                """), by: FuseAttention(),
            gives: scaled("%y = attention(%q, %k, %vs) {head_size = 8, scale = 1.0, causal = false} : f32[1, 6, 8]"))
    }

    @Test(arguments: [
        // The keys are not transposed.
        """
        input %k : f32[1, 24, 35]
        %s = matmul(%q, %k) {transpose_b = false} : f32[1, 35, 35]
        %p = softmax(%s) : f32[1, 35, 35]
        %y = matmul(%p, %v) {transpose_b = false} : f32[1, 35, 24]
        """,
        // The values are.
        """
        input %k : f32[1, 24, 24]
        %s = matmul(%q, %k) {transpose_b = true} : f32[1, 35, 24]
        %p = softmax(%s) : f32[1, 35, 24]
        %y = matmul(%p, %v) {transpose_b = true} : f32[1, 35, 35]
        """,
        // No softmax.
        """
        input %k : f32[1, 35, 24]
        %s = matmul(%q, %k) {transpose_b = true} : f32[1, 35, 35]
        %p = silu(%s) : f32[1, 35, 35]
        %y = matmul(%p, %v) {transpose_b = false} : f32[1, 35, 24]
        """,
    ])
    func keepsOtherProducts(_ lines: String) throws {
        try expectUnchanged(graph("input %q : f32[1, 35, 24]\ninput %v : f32[1, 35, 24]\n\(lines)\noutput y = %y"), by: FuseAttention())
    }

    @Test func keepsWiderValues() throws {
        try expectUnchanged(
            graph(
                """
                input %q : f32[1, 35, 24]
                input %k : f32[1, 35, 24]
                input %v : f32[1, 35, 48]
                %s = matmul(%q, %k) {transpose_b = true} : f32[1, 35, 35]
                %p = softmax(%s) : f32[1, 35, 35]
                %y = matmul(%p, %v) {transpose_b = false} : f32[1, 35, 48]
                output y = %y
                """), by: FuseAttention())
    }

    @Test func keepsHeadsTooLargeForAKernel() throws {
        try expectUnchanged(
            graph(
                """
                input %q : f32[1, 5, 4128]
                %s = matmul(%q, %q) {transpose_b = true} : f32[1, 5, 5]
                %p = softmax(%s) : f32[1, 5, 5]
                %y = matmul(%p, %q) {transpose_b = false} : f32[1, 5, 4128]
                output y = %y
                """), by: FuseAttention())
    }
}

@Suite struct PackAttentionTests {
    private func attention(_ split: String, _ operands: String, extra: String = "", attributes: String = "", width: Int = 96) -> String {
        graph(
            """
            input %x : f32[1, 10, \(width)]
            input %q0 : f32[1, 10, 32]
            \(split)
            %y = attention(\(operands)) {head_size = 8, scale = 0.5, causal = false\(attributes)} : f32[1, 10, 32]
            output y = %y
            \(extra)
            """)
    }

    private let three = "%q, %k, %v = split(%x) {axis = 2, parts = 3} : f32[1, 10, 32], f32[1, 10, 32], f32[1, 10, 32]"
    private let two = "%k, %v = split(%x) {axis = -1, parts = 2} : f32[1, 10, 32], f32[1, 10, 32]"

    @Test func readsPartsInPlace() throws {
        try expectRewrite(
            attention(three, "%q, %k, %v"), by: PackAttention(), gives: attention("", "%x", attributes: ", packing = query_key_value"))
        try expectRewrite(
            attention(two, "%q0, %k, %v", width: 64), by: PackAttention(),
            gives: attention("", "%q0, %x", attributes: ", packing = key_value", width: 64))
    }

    @Test func keepsOtherOrders() throws {
        try expectUnchanged(attention(three, "%k, %q, %v"), by: PackAttention())
        try expectUnchanged(attention(two, "%q0, %v, %k", width: 64), by: PackAttention())
    }

    @Test func keepsPartsThatOthersRead() throws {
        try expectUnchanged(attention(three, "%q, %k, %v", extra: "output v = %v"), by: PackAttention())
    }

    @Test func keepsPartsAlongAnotherDimension() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 30, 32]
                %q, %k, %v = split(%x) {axis = 1, parts = 3} : f32[1, 10, 32], f32[1, 10, 32], f32[1, 10, 32]
                %y = attention(%q, %k, %v) {head_size = 8, scale = 0.5, causal = false} : f32[1, 10, 32]
                output y = %y
                """), by: PackAttention())
    }
}
