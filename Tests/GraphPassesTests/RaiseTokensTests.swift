import GraphPasses
import Testing

@Suite struct RaiseTokensTests {
    @Test func raisesTokensAndImages() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 6, 2, 3]
                %r = reshape(%x) {shape = [1, 6, 6]} : f32[1, 6, 6]
                %t = transpose(%r) {permutation = [0, 2, 1]} : f32[1, 6, 6]
                %s = silu(%t) : f32[1, 6, 6]
                %b = transpose(%s) {permutation = [0, 2, 1]} : f32[1, 6, 6]
                %y = reshape(%b) {shape = [1, 6, 2, 3]} : f32[1, 6, 2, 3]
                output y = %y
                """), by: RaiseTokens(),
            gives: graph(
                """
                input %x : f32[1, 6, 2, 3]
                %t = tokens_from_image(%x) : f32[1, 6, 6]
                %s = silu(%t) : f32[1, 6, 6]
                %y = image_from_tokens(%s, %x) : f32[1, 6, 2, 3]
                output y = %y
                """))
    }

    /// The image that gives height and width is one in front of 1x1 convolutions.
    @Test func looksThroughPointwiseConvolutions() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 4, 2, 3]
                parameter @w : f32[6, 4, 1, 1]
                %c = conv2d(%x, @w) {stride = [1, 1], padding = [0, 0, 0, 0]} : f32[1, 6, 2, 3]
                %t = tokens_from_image(%c) : f32[1, 6, 6]
                %b = transpose(%t) {permutation = [0, 2, 1]} : f32[1, 6, 6]
                %y = reshape(%b) {shape = [1, 6, 2, 3]} : f32[1, 6, 2, 3]
                output y = %y
                """), by: RaiseTokens(),
            gives: graph(
                """
                input %x : f32[1, 4, 2, 3]
                parameter @w : f32[6, 4, 1, 1]
                %c = conv2d(%x, @w) {stride = [1, 1], padding = [0, 0, 0, 0]} : f32[1, 6, 2, 3]
                %t = tokens_from_image(%c) : f32[1, 6, 6]
                %y = image_from_tokens(%t, %x) : f32[1, 6, 2, 3]
                output y = %y
                """))
    }

    @Test func leavesTokensOfNoImage() throws {
        try expectUnchanged(
            graph(
                """
                input %t : f32[1, 6, 4]
                %b = transpose(%t) {permutation = [0, 2, 1]} : f32[1, 4, 6]
                %y = reshape(%b) {shape = [1, 4, 2, 3]} : f32[1, 4, 2, 3]
                output y = %y
                """), by: RaiseTokens())
    }

    @Test func leavesColumnsOfAnImage() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 4, 2, 3]
                %r = reshape(%x) {shape = [1, 8, 3]} : f32[1, 8, 3]
                %y = transpose(%r) {permutation = [0, 2, 1]} : f32[1, 3, 8]
                output y = %y
                """), by: RaiseTokens())
    }

    @Test func raisesEmbedding() throws {
        try expectRewrite(
            graph(
                """
                input %ids : i32[1, 4]
                parameter @table : f32[9, 3]
                %y = gather(@table, %ids) {axis = 0} : f32[1, 4, 3]
                output y = %y
                """), by: RaiseTokens(),
            gives: graph(
                """
                input %ids : i32[1, 4]
                parameter @table : f32[9, 3]
                %y = embedding(%ids, @table) : f32[1, 4, 3]
                output y = %y
                """))
    }

    @Test func leavesRowsOfWhatIsComputed() throws {
        try expectUnchanged(
            graph(
                """
                input %ids : i32[1, 4]
                input %table : f32[9, 3]
                %y = gather(%table, %ids) {axis = 0} : f32[1, 4, 3]
                output y = %y
                """), by: RaiseTokens())
    }
}
