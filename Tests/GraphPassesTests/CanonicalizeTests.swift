import GraphPasses
import Testing

@Suite struct CanonicalizeTests {
    @Test func removesWhatDoesNothing() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 3, 4]
                %a = scale(%x) {factor = 1.0} : f32[2, 3, 4]
                %b = flatten(%a) {first = 1, last = 1} : f32[2, 3, 4]
                %c = unflatten(%b) {axis = 2, sizes = [-1]} : f32[2, 3, 4]
                %d = transpose(%c) {permutation = [0, 1, 2]} : f32[2, 3, 4]
                %e = split(%d) {axis = 1, parts = 1} : f32[2, 3, 4]
                %f = concat(%e) {axis = 0} : f32[2, 3, 4]
                %y = silu(%f) : f32[2, 3, 4]
                output y = %y
                """), by: Canonicalize(),
            gives: graph(
                """
                input %x : f32[2, 3, 4]
                %y = silu(%x) : f32[2, 3, 4]
                output y = %y
                """))
    }

    @Test func cancelsWhatIsUndone() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 12, 4]
                %a = unflatten(%x) {axis = 1, sizes = [-1, 4]} : f32[2, 3, 4, 4]
                %b = flatten(%a) {first = 1, last = 2} : f32[2, 12, 4]
                %c = flatten(%b) {first = 1, last = 2} : f32[2, 48]
                %d = unflatten(%c) {axis = 1, sizes = [-1, 4]} : f32[2, 12, 4]
                %e = transpose(%d) {permutation = [2, 0, 1]} : f32[4, 2, 12]
                %f = transpose(%e) {permutation = [1, 2, 0]} : f32[2, 12, 4]
                %y = silu(%f) : f32[2, 12, 4]
                output y = %y
                """), by: Canonicalize(),
            gives: graph(
                """
                input %x : f32[2, 12, 4]
                %y = silu(%x) : f32[2, 12, 4]
                output y = %y
                """))
    }

    @Test func joinsWhatCanBeOne() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 3, 4]
                input %v : f32[2]
                %e = transpose(%x) {permutation = [2, 0, 1]} : f32[4, 2, 3]
                %f = transpose(%e) {permutation = [1, 0, 2]} : f32[2, 4, 3]
                %u = unsqueeze(%v) {count = 1} : f32[2, 1]
                %w = unsqueeze(%u) {count = 1} : f32[2, 1, 1]
                %y = add(%f, %w) : f32[2, 4, 3]
                output y = %y
                """), by: Canonicalize(),
            gives: graph(
                """
                input %x : f32[2, 3, 4]
                input %v : f32[2]
                %f = transpose(%x) {permutation = [0, 2, 1]} : f32[2, 4, 3]
                %w = unsqueeze(%v) {count = 2} : f32[2, 1, 1]
                %y = add(%f, %w) : f32[2, 4, 3]
                output y = %y
                """))
    }

    @Test func cancelsConversions() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 32, 4, 4]
                input %t : f32[1, 16, 32]
                %a = convert_layout(%x) {layout = channels_last} : f32[1, 32, 4, 4]@channels_last
                %b = convert_layout(%a) {layout = row_major} : f32[1, 32, 4, 4]
                %c = tokens_from_image(%b) : f32[1, 16, 32]
                %d = image_from_tokens(%c, %b) : f32[1, 32, 4, 4]
                %e = image_from_tokens(%t, %x) : f32[1, 32, 4, 4]
                %f = tokens_from_image(%e) : f32[1, 16, 32]
                %y = silu(%d) : f32[1, 32, 4, 4]
                %z = silu(%f) : f32[1, 16, 32]
                output y = %y
                output z = %z
                """), by: Canonicalize(),
            gives: graph(
                """
                input %x : f32[1, 32, 4, 4]
                input %t : f32[1, 16, 32]
                %y = silu(%x) : f32[1, 32, 4, 4]
                %z = silu(%t) : f32[1, 16, 32]
                output y = %y
                output z = %z
                """))
    }

    @Test func readsTypesBeforeNormsAndActivations() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 32, 4, 4]
                input %t : f32[1, 16, 8]
                parameter @n.bias : f32[32]
                parameter @n.weight : f32[32]
                %n = group_norm(%x, @n.weight, @n.bias) {groups = 32, epsilon = 1e-05} : f32[1, 32, 4, 4]
                %s = silu(%n) : f32[1, 32, 4, 4]
                %y = image_from_tokens(%t, %s) : f32[1, 8, 4, 4]
                output y = %y
                output s = %s
                """), by: Canonicalize(),
            gives: graph(
                """
                input %x : f32[1, 32, 4, 4]
                input %t : f32[1, 16, 8]
                parameter @n.bias : f32[32]
                parameter @n.weight : f32[32]
                %n = group_norm(%x, @n.weight, @n.bias) {groups = 32, epsilon = 1e-05} : f32[1, 32, 4, 4]
                %s = silu(%n) : f32[1, 32, 4, 4]
                %y = image_from_tokens(%t, %x) : f32[1, 8, 4, 4]
                output y = %y
                output s = %s
                """))
    }

    @Test(arguments: [
        "%y = scale(%x) {factor = 0.5} : f32[2, 12, 4]",
        "%y = transpose(%x) {permutation = [0, 2, 1]} : f32[2, 4, 12]",
        "%a, %y = split(%x) {axis = 1, parts = 2} : f32[2, 6, 4], f32[2, 6, 4]",
        // What is merged is not what was split, and the other way round.
        """
        %a = unflatten(%x) {axis = 1, sizes = [-1, 4]} : f32[2, 3, 4, 4]
        %y = flatten(%a) {first = 2, last = 3} : f32[2, 3, 16]
        """,
        """
        %a = flatten(%x) {first = 1, last = 2} : f32[2, 48]
        %y = unflatten(%a) {axis = 1, sizes = [-1, 12]} : f32[2, 4, 12]
        """,
    ])
    func leavesWhatDoesSomething(_ lines: String) throws {
        try expectUnchanged(graph("input %x : f32[2, 12, 4]\n\(lines)\noutput y = %y"), by: Canonicalize())
    }

    @Test func leavesTokensOfAnotherShape() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 32, 4, 4]
                input %like : f32[1, 3, 2, 8]
                %t = tokens_from_image(%x) : f32[1, 16, 32]
                %y = image_from_tokens(%t, %like) : f32[1, 32, 2, 8]
                output y = %y
                """), by: Canonicalize())
    }
}

@Suite struct EraseTrivialWindowsTests {
    @Test func erasesASingleWindow() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 4, 8, 8]
                %w = window_partition(%x) {size = 8} : f32[1, 4, 8, 8]
                %s = silu(%w) : f32[1, 4, 8, 8]
                %y = window_merge(%s, %x) {size = 8} : f32[1, 4, 8, 8]
                output y = %y
                """), by: EraseTrivialWindows(),
            gives: graph(
                """
                input %x : f32[1, 4, 8, 8]
                %s = silu(%x) : f32[1, 4, 8, 8]
                output y = %s
                """))
    }

    @Test func keepsSeveral() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 4, 8, 12]
                %w = window_partition(%x) {size = 8} : f32[2, 4, 8, 8]
                %s = silu(%w) : f32[2, 4, 8, 8]
                %y = window_merge(%s, %x) {size = 8} : f32[1, 4, 8, 12]
                output y = %y
                """), by: EraseTrivialWindows())
    }
}

@Suite struct CommonAndDeadTests {
    @Test func computesOnce() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 3]
                input %z : f32[2, 3]
                %a = add(%x, %z) : f32[2, 3]
                %b = add(%z, %x) : f32[2, 3]
                %c = silu(%a) : f32[2, 3]
                %d = silu(%b) : f32[2, 3]
                output y = %c
                output w = %d
                """), by: EliminateCommonSubexpressions(),
            gives: graph(
                """
                input %x : f32[2, 3]
                input %z : f32[2, 3]
                %a = add(%x, %z) : f32[2, 3]
                %c = silu(%a) : f32[2, 3]
                output y = %c
                output w = %c
                """))
    }

    @Test func tellsAttributesAndOrderApart() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[3, 3]
                input %z : f32[3, 3]
                %a = scale(%x) {factor = 2.0} : f32[3, 3]
                %b = scale(%x) {factor = 3.0} : f32[3, 3]
                %c = matmul(%a, %b) {transpose_b = false} : f32[3, 3]
                %d = matmul(%b, %a) {transpose_b = false} : f32[3, 3]
                output c = %c
                output d = %d
                """), by: EliminateCommonSubexpressions())
    }

    @Test func removesWhatNothingReads() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 3]
                parameter @l.weight : f32[4, 3]
                parameter @unused : f32[4, 3]
                %a = linear(%x, @l.weight) : f32[2, 4]
                %b = gelu(%a) : f32[2, 4]
                %y = silu(%x) : f32[2, 3]
                output y = %y
                """), by: EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[2, 3]
                %y = silu(%x) : f32[2, 3]
                output y = %y
                """))
    }

    @Test func keepsPartsOfWhichOneIsRead() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[2, 4]
                %a, %b = split(%x) {axis = 1, parts = 2} : f32[2, 2], f32[2, 2]
                %y = silu(%b) : f32[2, 2]
                output y = %y
                """), by: EliminateDeadCode())
    }
}
