import GraphPasses
import Testing

@Suite struct CanonicalizeGeneralTests {
    /// Expects a chain of nodes from %x to %y to become another.
    private func expect(
        _ lines: String, gives after: String, x: String = "f32[2, 3, 4]", sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        func whole(_ lines: String) -> String { graph("input %x : \(x)\n\(lines)\noutput y = %y") }
        try expectRewrite(whole(lines), by: Canonicalize(), EliminateDeadCode(), gives: whole(after), sourceLocation: sourceLocation)
    }

    private let silu = "%y = silu(%x) : f32[2, 3, 4]"

    @Test(arguments: [
        "cast(%x) {to = f32}", "expand(%x) {shape = [2, 3, 4]}", "slice(%x) {starts = [0, 0, 0], sizes = [2, 3, 4], steps = [1, 1, 1]}",
        "pad(%x) {before = [0, 0, 0], after = [0, 0, 0], mode = reflect}", "tile(%x) {repeats = [1, 1, 1]}", "reshape(%x) {shape = [2, 3, 4]}",
        "transpose(%x) {permutation = [0, 1, 2]}",
    ]) func removesWhatDoesNothing(_ op: String) throws {
        try expect("%a = \(op) : f32[2, 3, 4]\n%y = silu(%a) : f32[2, 3, 4]", gives: silu)
    }

    @Test func keepsASliceThatTurnsTheTensorRound() throws {
        let lines = "%y = slice(%x) {starts = [1, 0, 0], sizes = [2, 3, 4], steps = [-1, 1, 1]} : f32[2, 3, 4]"
        try expect(lines, gives: lines)
    }

    @Test func keepsAPaddingThatMoves() throws {
        let lines = "%y = pad(%x) {before = [1, 0, 0], after = [-1, 0, 0], mode = constant} : f32[2, 3, 4]"
        try expect(lines, gives: lines)
    }

    @Test func joinsViews() throws {
        try expect(
            "%a = reshape(%x) {shape = [6, 4]} : f32[6, 4]\n%b = unflatten(%a) {axis = 0, sizes = [3, 2]} : f32[3, 2, 4]\n%y = flatten(%b) {first = 1, last = 2} : f32[3, 8]",
            gives: "%y = reshape(%x) {shape = [3, 8]} : f32[3, 8]")
    }

    @Test func appendedOnesAreAnUnsqueeze() throws {
        try expect("%y = reshape(%x) {shape = [2, 3, 4, 1, 1]} : f32[2, 3, 4, 1, 1]", gives: "%y = unsqueeze(%x) {count = 2} : f32[2, 3, 4, 1, 1]")
    }

    @Test func transpositionsThatMoveNothingAreViews() throws {
        try expect(
            "%y = transpose(%x) {permutation = [1, 0, 2]} : f32[1, 3, 4]", gives: "%y = reshape(%x) {shape = [1, 3, 4]} : f32[1, 3, 4]", x: "f32[3, 1, 4]")
        try expect(
            """
            %a = transpose(%x) {permutation = [0, 2, 1]} : f32[2, 4, 3]
            %b = reshape(%a) {shape = [2, 2, 2, 3]} : f32[2, 2, 2, 3]
            %c = transpose(%b) {permutation = [0, 3, 1, 2]} : f32[2, 3, 2, 2]
            %y = silu(%c) : f32[2, 3, 2, 2]
            """, gives: "%c = reshape(%x) {shape = [2, 3, 2, 2]} : f32[2, 3, 2, 2]\n%y = silu(%c) : f32[2, 3, 2, 2]")
    }

    @Test func keepsTranspositionsThatMove() throws {
        let lines = """
            %a = transpose(%x) {permutation = [0, 2, 1]} : f32[2, 4, 3]
            %b = reshape(%a) {shape = [2, 3, 4]} : f32[2, 3, 4]
            %y = transpose(%b) {permutation = [0, 2, 1]} : f32[2, 4, 3]
            """
        try expect(lines, gives: lines)
    }

    private func number(_ value: String, _ shape: String = "[]") -> String {
        "%n = constant() {element_type = f32, shape = \(shape), values = [\(value)]} : f32\(shape)\n"
    }

    @Test func numbersAreFactors() throws {
        try expect(number("0.3") + "%y = multiply(%n, %x) : f32[2, 3, 4]", gives: "%y = scale(%x) {factor = 0.3} : f32[2, 3, 4]")
        try expect(number("4.0", "[1]") + "%y = binary(%x, %n) {function = divide} : f32[2, 3, 4]", gives: "%y = scale(%x) {factor = 0.25} : f32[2, 3, 4]")
        try expect(number("0.0") + "%a = add(%x, %n) : f32[2, 3, 4]\n%y = silu(%a) : f32[2, 3, 4]", gives: silu)
        try expect(
            "%a = scale(%x) {factor = 0.5} : f32[2, 3, 4]\n%y = scale(%a) {factor = 3.0} : f32[2, 3, 4]", gives: "%y = scale(%x) {factor = 1.5} : f32[2, 3, 4]")
    }

    /// A product with 1/3 is no quotient by 3, and one over x is none of x.
    @Test(arguments: ["binary(%x, %n) {function = divide}", "binary(%n, %x) {function = divide}", "binary(%x, %n) {function = subtract}"])
    func keepsWhatIsNoFactor(_ op: String) throws {
        let lines = number("3.0") + "%y = \(op) : f32[2, 3, 4]"
        try expect(lines, gives: lines)
    }

    @Test func keepsAProductThatMakesALargerTensor() throws {
        let lines = number("3.0", "[1, 1]") + "%y = multiply(%x, %n) : f32[1, 3]"
        try expect(lines, gives: lines, x: "f32[3]")
    }
}
