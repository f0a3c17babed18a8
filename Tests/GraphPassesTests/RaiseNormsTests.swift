import GraphPasses
import Testing

@Suite struct RaiseNormsTests {
    private func groupNorm(ones: String = "1.0", zeros: String = "0.0", back: String = "[1, 8, 2, 3]") -> String {
        let type = "f32\(back)"
        return graph(
            """
            input %x : f32[1, 8, 2, 3]
            parameter @bias : f32[8]
            parameter @scale : f32[8]
            %ones = constant() {element_type = f32, shape = [4], values = [\(ones)]} : f32[4]
            %zeros = constant() {element_type = f32, shape = [4], values = [\(zeros)]} : f32[4]
            %w = unsqueeze(@scale) {count = 2} : f32[8, 1, 1]
            %b = unsqueeze(@bias) {count = 2} : f32[8, 1, 1]
            %g = reshape(%x) {shape = [1, 4, 12]} : f32[1, 4, 12]
            %n = group_norm(%g, %ones, %zeros) {groups = 4, epsilon = 1e-05} : f32[1, 4, 12]
            %i = reshape(%n) {shape = \(back)} : \(type)
            %m = multiply(%i, %w) : \(type)
            %y = add(%m, %b) : \(type)
            output y = %y
            """)
    }

    @Test func raisesGroupNorm() throws {
        try expectRewrite(
            groupNorm(), by: RaiseNorms(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 8, 2, 3]
                parameter @bias : f32[8]
                parameter @scale : f32[8]
                %y = group_norm(%x, @scale, @bias) {groups = 4, epsilon = 1e-05} : f32[1, 8, 2, 3]
                output y = %y
                """))
    }

    @Test func leavesGroupsThatAreScaledBefore() throws {
        try expectUnchanged(groupNorm(ones: "2.0"), by: RaiseNorms())
        try expectUnchanged(groupNorm(zeros: "1.0"), by: RaiseNorms())
    }

    /// The image behind the norm is not the one in front.
    @Test func leavesAnotherImage() throws { try expectUnchanged(groupNorm(back: "[1, 8, 3, 2]"), by: RaiseNorms()) }

    private func layerNorm(
        square: String = "binary(%c, %two) {function = power}", axes: String = "[2]", type: String = "f32[1, 5, 1]", scale: String = "f32[4]"
    )
        -> String
    {
        graph(
            """
            input %x : f32[1, 5, 4]
            parameter @bias : f32[4]
            parameter @scale : \(scale)
            %two = constant() {element_type = f32, shape = [], values = [2.0]} : f32[]
            %epsilon = constant() {element_type = f32, shape = [], values = [1e-05]} : f32[]
            %m = reduce(%x) {function = mean, axes = \(axes), keeps_dimensions = true} : \(type)
            %c = binary(%x, %m) {function = subtract} : f32[1, 5, 4]
            %p = \(square) : f32[1, 5, 4]
            %v = reduce(%p) {function = mean, axes = \(axes), keeps_dimensions = true} : \(type)
            %e = add(%v, %epsilon) : \(type)
            %s = unary(%e) {function = sqrt} : \(type)
            %n = binary(%c, %s) {function = divide} : f32[1, 5, 4]
            %w = multiply(%n, @scale) : f32[1, 5, 4]
            %y = add(%w, @bias) : f32[1, 5, 4]
            output y = %y
            """)
    }

    @Test(arguments: ["binary(%c, %two) {function = power}", "multiply(%c, %c)"]) func raisesLayerNorm(_ square: String) throws {
        try expectRewrite(
            layerNorm(square: square), by: EliminateDeadCode(), Canonicalize(), EliminateCommonSubexpressions(), RaiseNorms(),
            gives: graph(
                """
                input %x : f32[1, 5, 4]
                parameter @bias : f32[4]
                parameter @scale : f32[4]
                %y = layer_norm(%x, @scale, @bias) {epsilon = 1e-05} : f32[1, 5, 4]
                output y = %y
                """))
    }

    @Test func leavesTheMeanAlongAnotherAxis() throws {
        try expectUnchanged(layerNorm(axes: "[1]", type: "f32[1, 1, 4]"), by: RaiseNorms())
    }

    @Test func leavesMeansOfOtherPowers() throws {
        try expectUnchanged(layerNorm(square: "multiply(%c, %x)"), by: RaiseNorms())
    }

    @Test func leavesAScaleOfRows() throws {
        try expectUnchanged(layerNorm(scale: "f32[5, 1]"), by: RaiseNorms())
    }

    @Test func raisesGroupsThatAreReduced() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 8, 2, 3]
                %epsilon = constant() {element_type = f32, shape = [], values = [1e-05]} : f32[]
                %g = reshape(%x) {shape = [1, 4, 12]} : f32[1, 4, 12]
                %m = reduce(%g) {function = mean, axes = [2], keeps_dimensions = true} : f32[1, 4, 1]
                %c = binary(%g, %m) {function = subtract} : f32[1, 4, 12]
                %p = multiply(%c, %c) : f32[1, 4, 12]
                %v = reduce(%p) {function = mean, axes = [2], keeps_dimensions = true} : f32[1, 4, 1]
                %e = add(%v, %epsilon) : f32[1, 4, 1]
                %s = unary(%e) {function = sqrt} : f32[1, 4, 1]
                %n = binary(%c, %s) {function = divide} : f32[1, 4, 12]
                output y = %n
                """), by: RaiseNorms(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 8, 2, 3]
                %g = reshape(%x) {shape = [1, 4, 12]} : f32[1, 4, 12]
                %n.ones = constant() {element_type = f32, shape = [4], values = [1.0]} : f32[4]
                %n.zeros = constant() {element_type = f32, shape = [4], values = [0.0]} : f32[4]
                %n = group_norm(%g, %n.ones, %n.zeros) {groups = 4, epsilon = 1e-05} : f32[1, 4, 12]
                output y = %n
                """))
    }
}
