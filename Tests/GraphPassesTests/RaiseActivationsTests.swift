import GraphPasses
import Testing

@Suite struct RaiseActivationsTests {
    @Test func raisesSiLUInEitherOrder() throws {
        for product in ["%x, %s", "%s, %x"] {
            try expectRewrite(
                graph(
                    """
                    input %x : f32[2, 3]
                    %s = unary(%x) {function = sigmoid} : f32[2, 3]
                    %y = multiply(\(product)) : f32[2, 3]
                    output y = %y
                    """), by: RaiseActivations(),
                gives: graph(
                    """
                    input %x : f32[2, 3]
                    %y = silu(%x) : f32[2, 3]
                    output y = %y
                    """))
        }
    }

    @Test func leavesTheSigmoidOfSomethingElse() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[2, 3]
                input %z : f32[2, 3]
                %s = unary(%z) {function = sigmoid} : f32[2, 3]
                %y = multiply(%x, %s) : f32[2, 3]
                output y = %y
                """), by: RaiseActivations())
    }

    private let constants = """
        %root2 = constant() {element_type = f32, shape = [], values = [1.4142135]} : f32[]
        %root_half = constant() {element_type = f32, shape = [], values = [0.70710677]} : f32[]
        %one = constant() {element_type = f32, shape = [], values = [1.0]} : f32[]
        %half = constant() {element_type = f32, shape = [1], values = [0.5]} : f32[1]
        """

    /// The products of x, 1 + erf(x / sqrt 2) and 1/2, as exporters and people write them.
    @Test(
        arguments: [
            "%p = multiply(%x, %a) : f32[2, 3]\n%y = multiply(%p, %half) : f32[2, 3]",
            "%p = multiply(%half, %a) : f32[2, 3]\n%y = multiply(%x, %p) : f32[2, 3]",
            "%p = multiply(%x, %half) : f32[2, 3]\n%y = multiply(%a, %p) : f32[2, 3]",
        ], ["binary(%x, %root2) {function = divide}", "multiply(%root_half, %x)"]) func raisesGELU(_ products: String, _ argument: String) throws
    {
        try expectRewrite(
            graph(
                """
                input %x : f32[2, 3]
                \(constants)
                %d = \(argument) : f32[2, 3]
                %e = unary(%d) {function = erf} : f32[2, 3]
                %a = add(%e, %one) : f32[2, 3]
                \(products)
                output y = %y
                """), by: Canonicalize(), EliminateDeadCode(), RaiseActivations(),
            gives: graph(
                """
                input %x : f32[2, 3]
                %y = gelu(%x) : f32[2, 3]
                output y = %y
                """))
    }

    /// 1 + erf(x / 2) is another function.
    @Test func leavesAnotherScaleOfTheArgument() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[2, 3]
                %one = constant() {element_type = f32, shape = [], values = [1.0]} : f32[]
                %d = scale(%x) {factor = 0.5} : f32[2, 3]
                %e = unary(%d) {function = erf} : f32[2, 3]
                %a = add(%e, %one) : f32[2, 3]
                %p = multiply(%x, %a) : f32[2, 3]
                %y = scale(%p) {factor = 0.5} : f32[2, 3]
                output y = %y
                """), by: RaiseActivations())
    }

    @Test func leavesTheApproximationByTanh() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[2, 3]
                %one = constant() {element_type = f32, shape = [], values = [1.0]} : f32[]
                %d = scale(%x) {factor = 0.70710677} : f32[2, 3]
                %e = unary(%d) {function = tanh} : f32[2, 3]
                %a = add(%e, %one) : f32[2, 3]
                %p = multiply(%x, %a) : f32[2, 3]
                %y = scale(%p) {factor = 0.5} : f32[2, 3]
                output y = %y
                """), by: RaiseActivations())
    }
}
