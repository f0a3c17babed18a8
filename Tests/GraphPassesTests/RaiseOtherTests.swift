import GraphPasses
import Testing

@Suite struct RaiseWavesTests {
    private func waves(_ frequencies: String = "1.0, 0.1, 0.01, 0.001", first: String = "cos", column: String = "unsqueeze(%t) {count = 1}") -> String {
        graph(
            """
            input %t : f32[2]
            %f = constant() {element_type = f32, shape = [4], values = [\(frequencies)]} : f32[4]
            %c = \(column) : f32[2, 1]
            %a = multiply(%c, %f) : f32[2, 4]
            %p = unary(%a) {function = \(first)} : f32[2, 4]
            %q = unary(%a) {function = sin} : f32[2, 4]
            %y = concat(%p, %q) {axis = 1} : f32[2, 8]
            output y = %y
            """)
    }

    @Test func raises() throws {
        try expectRewrite(
            waves(), by: RaiseWaves(),
            gives: graph(
                """
                input %t : f32[2]
                %y = timestep_embedding(%t) {dimension = 8, max_period = 10000.0} : f32[2, 8]
                output y = %y
                """))
    }

    @Test func leavesOtherFrequencies() throws { try expectUnchanged(waves("1.0, 0.1, 0.02, 0.001"), by: RaiseWaves()) }
    @Test func leavesSinesAlone() throws { try expectUnchanged(waves(first: "sin"), by: RaiseWaves()) }
}

@Suite struct RaiseCausalMaskTests {
    private func masked(blocked: String = "-inf", triangle: String = "upper = true, diagonal = 1", reader: String = "softmax") -> String {
        graph(
            """
            input %x : f32[1, 2, 3, 3]
            %blocked = constant() {element_type = f32, shape = [3, 3], values = [\(blocked)]} : f32[3, 3]
            %m = triangle(%blocked) {\(triangle)} : f32[3, 3]
            %v = reshape(%m) {shape = [1, 1, 3, 3]} : f32[1, 1, 3, 3]
            %s = add(%x, %v) : f32[1, 2, 3, 3]
            %y = \(reader)(%s) : f32[1, 2, 3, 3]
            output y = %y
            """)
    }

    @Test(arguments: ["-inf", "-3.4e+38"]) func raises(_ blocked: String) throws {
        try expectRewrite(
            masked(blocked: blocked), by: RaiseCausalMask(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 2, 3, 3]
                %s = causal_mask(%x) : f32[1, 2, 3, 3]
                %y = softmax(%s) : f32[1, 2, 3, 3]
                output y = %y
                """))
    }

    @Test func leavesSmallNumbers() throws { try expectUnchanged(masked(blocked: "-100.0"), by: RaiseCausalMask()) }
    @Test func leavesOtherTriangles() throws {
        try expectUnchanged(masked(blocked: "-1e+38", triangle: "upper = true, diagonal = 2"), by: RaiseCausalMask())
        try expectUnchanged(masked(blocked: "-1e+38", triangle: "upper = false, diagonal = 1"), by: RaiseCausalMask())
    }
    @Test func leavesSumsThatNoSoftmaxReads() throws { try expectUnchanged(masked(blocked: "-1e+38", reader: "silu"), by: RaiseCausalMask()) }
}

@Suite struct RaiseProductsTests {
    private func product(_ declaration: String, _ reference: String, permutation: String = "[1, 0]") -> String {
        graph(
            """
            input %x : f32[2, 5, 4]
            \(declaration)
            %t = transpose(\(reference)) {permutation = \(permutation)} : f32[4, 4]
            %y = matmul(%x, %t) {transpose_b = false} : f32[2, 5, 4]
            output y = %y
            """)
    }

    @Test func raisesLinear() throws {
        try expectRewrite(
            product("parameter @w : f32[4, 4]", "@w"), by: RaiseProducts(),
            gives: graph(
                """
                input %x : f32[2, 5, 4]
                parameter @w : f32[4, 4]
                %y = linear(%x, @w) : f32[2, 5, 4]
                output y = %y
                """))
    }

    @Test func turnsOtherMatrices() throws {
        try expectRewrite(
            product("input %w : f32[4, 4]", "%w"), by: RaiseProducts(),
            gives: graph(
                """
                input %x : f32[2, 5, 4]
                input %w : f32[4, 4]
                %y = matmul(%x, %w) {transpose_b = true} : f32[2, 5, 4]
                output y = %y
                """))
    }

    @Test func leavesOtherTranspositions() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[2, 5, 4]
                input %w : f32[4, 2, 4]
                %t = transpose(%w) {permutation = [1, 0, 2]} : f32[2, 4, 4]
                %y = matmul(%x, %t) {transpose_b = false} : f32[2, 5, 4]
                output y = %y
                """), by: RaiseProducts())
    }
}

@Suite struct MoveViewsTests {
    @Test func leavesEmptySlices() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[4, 2]
                %y = slice(%x) {starts = [0, 0], sizes = [0, 2], steps = [1, 1]} : f32[0, 2]
                output y = %y
                """), by: MoveViews())
    }

    @Test func movesSlicesAndViews() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 5, 4]
                parameter @w : f32[6, 4]
                %r = reshape(%x) {shape = [5, 1, 4]} : f32[5, 1, 4]
                %l = linear(%r, @w) : f32[5, 1, 6]
                %h = reshape(%l) {shape = [5, 1, 3, 2]} : f32[5, 1, 3, 2]
                %t = transpose(%h) {permutation = [2, 0, 1, 3]} : f32[3, 5, 1, 2]
                %zero = constant() {element_type = i64, shape = [], values = [0.0]} : i64[]
                %one = constant() {element_type = i64, shape = [], values = [-2.0]} : i64[]
                %a = gather(%t, %zero) {axis = 0} : f32[5, 1, 2]
                %b = gather(%t, %one) {axis = 0} : f32[5, 1, 2]
                %c = slice(%t) {starts = [2, 0, 0, 0], sizes = [1, 5, 1, 2], steps = [1, 1, 1, 1]} : f32[1, 5, 1, 2]
                %fa = reshape(%a) {shape = [1, 5, 2]} : f32[1, 5, 2]
                %fb = reshape(%b) {shape = [1, 5, 2]} : f32[1, 5, 2]
                %fc = reshape(%c) {shape = [1, 5, 2]} : f32[1, 5, 2]
                %ab = multiply(%fa, %fb) : f32[1, 5, 2]
                %y = add(%ab, %fc) : f32[1, 5, 2]
                output y = %y
                """), by: Canonicalize(), EliminateDeadCode(), MoveViews(),
            gives: graph(
                """
                input %x : f32[1, 5, 4]
                parameter @w : f32[6, 4]
                %l.rows = linear(%x, @w) : f32[1, 5, 6]
                %a.slice_4, %b.slice_4, %c.slice_3 = split(%l.rows) {axis = 2, parts = 3} : f32[1, 5, 2], f32[1, 5, 2], f32[1, 5, 2]
                %ab = multiply(%a.slice_4, %b.slice_4) : f32[1, 5, 2]
                %y = add(%ab, %c.slice_3) : f32[1, 5, 2]
                output y = %y
                """))
    }

    @Test func leavesViewsOfHeads() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 1, 5, 4]
                parameter @w : f32[6, 4]
                %r = reshape(%x) {shape = [1, 5, 4]} : f32[1, 5, 4]
                %y = linear(%r, @w) : f32[1, 5, 6]
                output y = %y
                """), by: MoveViews())
    }

    @Test func leavesViewsOfOtherRows() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 5, 4]
                parameter @w : f32[6, 2]
                %r = reshape(%x) {shape = [10, 2]} : f32[10, 2]
                %y = linear(%r, @w) : f32[10, 6]
                output y = %y
                """), by: MoveViews())
    }

    /// A slice of a view that is none of the tensor.
    @Test func leavesSlicesAcrossRows() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[3, 4]
                %r = reshape(%x) {shape = [4, 3]} : f32[4, 3]
                %y = slice(%r) {starts = [1, 0], sizes = [2, 3], steps = [1, 1]} : f32[2, 3]
                output y = %y
                """), by: MoveViews())
    }

    @Test func leavesSlicesThatOverlapOrLeaveGaps() throws {
        for start in [1, 3] {
            try expectUnchanged(
                graph(
                    """
                    input %x : f32[2, 5]
                    %a = slice(%x) {starts = [0, 0], sizes = [2, 2], steps = [1, 1]} : f32[2, 2]
                    %b = slice(%x) {starts = [0, \(start)], sizes = [2, 2], steps = [1, 1]} : f32[2, 2]
                    output a = %a
                    output b = %b
                    """), by: MoveViews())
        }
    }

    @Test func splitsIntoUnequalParts() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 5]
                %b = slice(%x) {starts = [0, 2], sizes = [2, 3], steps = [1, 1]} : f32[2, 3]
                %a = slice(%x) {starts = [0, 0], sizes = [2, 2], steps = [1, 1]} : f32[2, 2]
                output a = %a
                output b = %b
                """), by: MoveViews(),
            gives: graph(
                """
                input %x : f32[2, 5]
                %a, %b = split(%x) {axis = 1, parts = 2, sizes = [2, 3]} : f32[2, 2], f32[2, 3]
                output a = %a
                output b = %b
                """))
    }
}

@Suite struct FuseBiasOfViewsTests {
    private func sum(_ shape: String, _ result: String) -> String {
        graph(
            """
            input %x : f32[5, 4]
            parameter @b : f32[6]
            parameter @w : f32[6, 4]
            %l = linear(%x, @w) : f32[5, 6]
            %v = reshape(@b) {shape = \(shape)} : f32\(shape)
            %y = add(%l, %v) : f32\(result)
            output y = %y
            """)
    }

    @Test func takesAViewOfTheVector() throws {
        try expectRewrite(
            sum("[1, 6]", "[5, 6]"), by: FuseBias(),
            gives: graph(
                """
                input %x : f32[5, 4]
                parameter @b : f32[6]
                parameter @w : f32[6, 4]
                %y = linear(%x, @w, @b) : f32[5, 6]
                output y = %y
                """))
    }

    @Test func leavesAVectorThatMakesALargerTensor() throws { try expectUnchanged(sum("[1, 1, 6]", "[1, 5, 6]"), by: FuseBias()) }
}
