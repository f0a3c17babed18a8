import GraphIR
import GraphPasses
import GraphTestSupport
import Operators
import Testing

/// The passes on graphs of general ops: what they cannot make faster they leave right.
@Suite struct GeneralGraphTests {
    /// All outputs, which must be f32, as imported and optimised.
    private func expectSameNumbers(_ lines: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let original = try GraphParser.parse(graph(lines), registry: .standard)
        let optimized = try Pipeline.standard().run(original, options: PipelineOptions(verifies: true)).graph
        let runner = SeededRunner(threadCount: 2)
        let difference = try SeededRunner.largestRelativeDifference(runner.run(original), runner.run(optimized))
        #expect(difference <= SeededRunner.tolerance, "\(optimized.text)", sourceLocation: sourceLocation)
    }

    @Test func convolutionsInGroupsWithDilationAndComputedWeights() throws {
        try expectSameNumbers(
            """
            input %x : f32[2, 8, 9, 9]
            input %v : f32[4, 8, 3, 3]
            parameter @g.weight : f32[8, 2, 3, 3]
            parameter @d.weight : f32[8, 8, 3, 3]
            parameter @d.bias : f32[8]
            parameter @s.weight : f32[6, 4, 1, 3]
            %g = conv2d(%x, @g.weight) {stride = [1, 1], padding = [1, 1, 1, 1], groups = 4} : f32[2, 8, 9, 9]
            %gr = unary(%g) {function = relu} : f32[2, 8, 9, 9]
            %d = conv2d(%gr, @d.weight, @d.bias) {stride = [1, 1], padding = [2, 2, 2, 2], dilation = [2, 2]} : f32[2, 8, 9, 9]
            %sum = add(%d, %gr) : f32[2, 8, 9, 9]
            %w = unary(%v) {function = tanh} : f32[4, 8, 3, 3]
            %c = conv2d(%sum, %w) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[2, 4, 9, 9]
            %cs = silu(%c) : f32[2, 4, 9, 9]
            %s = conv2d(%cs, @s.weight) {stride = [2, 1], padding = [0, 1, 0, 1]} : f32[2, 6, 5, 9]
            %p = pool(%s) {kind = max, kernel_size = [2, 2], strides = [2, 2], padding = [0, 0, 0, 0], dilations = [1, 1], ceil_mode = false} : f32[2, 6, 2, 4]
            %f = reshape(%p) {shape = [2, 48]} : f32[2, 48]
            output c = %cs
            output f = %f
            """)
    }

    @Test func linearLayersWithComputedWeights() throws {
        try expectSameNumbers(
            """
            input %x : f32[1, 5, 16]
            input %v : f32[32, 16]
            parameter @n.weight : f32[16]
            parameter @n.bias : f32[16]
            parameter @b : f32[32]
            %n = layer_norm(%x, @n.weight, @n.bias) {epsilon = 1e-05} : f32[1, 5, 16]
            %w = scale(%v) {factor = 0.5} : f32[32, 16]
            %a = linear(%n, %w) : f32[1, 5, 32]
            %ab = add(%a, @b) : f32[1, 5, 32]
            %g = gelu(%ab) : f32[1, 5, 32]
            %h = linear(%n, %v) : f32[1, 5, 32]
            %r = add(%h, %g) : f32[1, 5, 32]
            %k = linear(%n, %w, @b) : f32[1, 5, 32]
            %q = attention(%r, %h, %k) {head_size = 8, scale = 0.5, causal = false} : f32[1, 5, 32]
            output y = %q
            """)
    }

    /// Softmax and masks walk rows in memory; images that lie alike in both layouts are read by ops that know only one.
    @Test func layouts() throws {
        try expectSameNumbers(
            """
            input %x : f32[2, 4, 6, 6]
            parameter @c.weight : f32[1, 4, 1, 1]
            %p = softmax(%x) : f32[2, 4, 6, 6]
            %m = causal_mask(%x) : f32[2, 4, 6, 6]
            %e = unary(%m) {function = exp} : f32[2, 4, 6, 6]
            %c = conv2d(%x, @c.weight) {stride = [1, 1], padding = [0, 0, 0, 0]} : f32[2, 1, 6, 6]
            %t = transpose(%c) {permutation = [0, 2, 3, 1]} : f32[2, 6, 6, 1]
            %s = softmax(%c) : f32[2, 1, 6, 6]
            %r = reshape(%c) {shape = [72]} : f32[72]
            %j = concat(%c, %s, %p) {axis = 1} : f32[2, 6, 6, 6]
            %k = concat(%c, %s) {axis = 1} : f32[2, 2, 6, 6]
            %z = binary(%j, %s) {function = maximum} : f32[2, 6, 6, 6]
            output e = %e
            output t = %t
            output r = %r
            output k = %k
            output z = %z
            """)
    }

    @Test func valuesOfOtherTypes() throws {
        try expectSameNumbers(
            """
            input %x : f32[1, 4, 6, 6]
            input %i : i64[1, 4, 6, 6]
            input %h : f16[1, 4, 6, 6]
            parameter @w : f32[4, 4, 3, 3]
            %one = constant() {element_type = i64, shape = [], values = [1.0]} : i64[]
            %ones = constant() {element_type = i64, shape = [], values = [1.0]} : i64[]
            %i2 = add(%i, %one) : i64[1, 4, 6, 6]
            %i3 = multiply(%i2, %ones) : i64[1, 4, 6, 6]
            %y = conv2d(%x, @w) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 4, 6, 6]
            %positive = constant() {element_type = f32, shape = [1, 4, 1, 1], values = [0.0, 0.5, -0.5, 0.25]} : f32[1, 4, 1, 1]
            %c = binary(%y, %positive) {function = greater} : bool[1, 4, 6, 6]
            %f = cast(%i3) {to = f32} : f32[1, 4, 6, 6]
            %s = select(%c, %f, %y) : f32[1, 4, 6, 6]
            %d = cast(%s) {to = f16} : f16[1, 4, 6, 6]
            %e = add(%d, %h) : f16[1, 4, 6, 6]
            %e2 = add(%e, %h) : f16[1, 4, 6, 6]
            %z = cast(%e2) {to = f32} : f32[1, 4, 6, 6]
            %top, %places = top_k(%z) {axis = 3, k = 2, largest = true} : f32[1, 4, 6, 2], i64[1, 4, 6, 2]
            %g = gather_elements(%s, %places) {axis = 3} : f32[1, 4, 6, 2]
            output z = %z
            output g = %g
            """)
    }

    /// Nothing is gained by another layout of integers.
    @Test func integersKeepTheirLayout() throws {
        try expectUnchanged(
            graph(
                """
                input %i : i64[1, 4, 6, 6]
                %a = add(%i, %i) : i64[1, 4, 6, 6]
                %f = cast(%a) {to = f32} : f32[1, 4, 6, 6]
                output f = %f
                """), by: AssignLayout())
    }

    /// Constants that differ in a sign or a type are not the same.
    @Test func constantsThatOnlyLookAlike() throws {
        let text = graph(
            """
            %a = constant() {element_type = f32, shape = [1], values = [0.0]} : f32[1]
            %b = constant() {element_type = f32, shape = [1], values = [-0.0]} : f32[1]
            %c = constant() {element_type = f32, shape = [1], values = [0.0]} : f32[1]
            %n = constant() {element_type = f32, shape = [1], values = [nan]} : f32[1]
            %m = constant() {element_type = f32, shape = [1], values = [nan]} : f32[1]
            %y = concat(%a, %b, %c, %n, %m) {axis = 0} : f32[5]
            %r = unary(%y) {function = reciprocal} : f32[5]
            output y = %r
            """)
        let result = try Pipeline([EliminateCommonSubexpressions()]).run(GraphParser.parse(text, registry: .standard)).graph
        #expect(result.nodeCounts["constant"] == 3)
        let y = try SeededRunner().run(result)["y"]!.floatArray
        #expect(Array(y[..<3]) == [.infinity, -.infinity, .infinity])
    }
}
