import Files
import GraphIR
import Operators
import Tensors
import Testing

/// What is wrong with a text is said with the line and the column where it is.
@Suite struct ParserErrorTests {
    @Test(arguments: [
        ("", "line 1, column 1", "expected 'graph'"),
        ("graph", "line 1, column 6", "expected a name"),
        ("graph g", "line 1, column 8", "expected '{'"),
        ("graph g {", "line 1, column 10", "expected '}'"),
        ("graph g {} graph", "line 1, column 12", "something follows the graph"),
        ("graph g {\n  inputs %x : f32[1]\n}", "line 2, column 3", "expected '}'"),
        ("graph g {\n  input x : f32[1]\n}", "line 2, column 9", "expected a value's %name"),
        ("graph g {\n  input % : f32[1]\n}", "line 2, column 10", "expected a name"),
        ("graph g {\n  input %", "line 2, column 10", "the text ends inside a name"),
        ("graph g {\n  input %x f32[1]\n}", "line 2, column 12", "expected ':'"),
        ("graph g {\n  input %x : f31[1]\n}", "line 2, column 14", "expected an element type"),
        ("graph g {\n  input %x : f32(1)\n}", "line 2, column 17", "expected '['"),
        ("graph g {\n  input %x : f32[-1]\n}", "line 2, column 18", "expected a size"),
        ("graph g {\n  input %x : f32[1.5]\n}", "line 2, column 18", "expected a size"),
        ("graph g {\n  input %x : f32[99999999999999999999]\n}", "line 2, column 18", "expected a size"),
        ("graph g {\n  input %x : f32[1099511627776, 2]\n}", "line 3, column 1", "too large"),
        ("graph g {\n  input %x : f32[1]@blocked\n}", "line 2, column 20", "unknown layout '@blocked'"),
        ("graph g {\n  input %x : f32[1]@channels_last\n}", "line 3, column 1", "a layout that only tensors of four dimensions have"),
        ("graph g {\n  input %x : f32[1]\n  input %x : f32[2]\n}", "line 4, column 1", "value '%x' is defined twice"),
        ("graph g {\n  parameter %x : f32[1]\n}", "line 2, column 13", "expected a parameter's @key"),
        ("graph g {\n  parameter @x : f32[1]\n  parameter @x : f32[1]\n}", "line 4, column 1", "parameter '@x' is declared twice"),
        ("graph g {\n  output o = %x\n}", "line 2, column 14", "value '%x' is used before it is defined"),
        ("graph g {\n  output o = @x\n}", "line 2, column 14", "parameter '@x' is not declared"),
        ("graph g {\n  input %x : f32[1]\n  output o = %x\n  output o = %x\n}", "line 5, column 1", "output 'o' is given twice"),
        ("graph g {\n  input %x : f32[1]\n  %y = silu(%z) : f32[1]\n}", "line 3, column 13", "value '%z' is used before it is defined"),
        ("graph g {\n  input %x : f32[1]\n  %y = swish(%x) : f32[1]\n}", "line 3, column 8", "unknown op 'swish'"),
        ("graph g {\n  input %x : f32[1]\n  %y = silu(%x) : f32[2]\n}", "line 3, column 8", "types [f32[2]] declared where [f32[1]] follow"),
        ("graph g {\n  input %x : f32[1]\n  %y, %z = silu(%x) : f32[1]\n}", "line 3, column 12", "2 names for 1 results"),
        ("graph g {\n  input %x : f32[1]\n  %x = silu(%x) : f32[1]\n}", "line 4, column 1", "value '%x' is defined twice"),
        ("graph g {\n  input %x : f32[1]\n  %y = silu(%x, %x) : f32[1]\n}", "line 3, column 8", "takes 1 operand, not 2"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) : f32[1]\n}", "line 3, column 8", "'factor' is missing"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = big} : f32[1]\n}", "line 3, column 8", "factor: expected a number, found big"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = 1, colour = 2} : f32[1]\n}", "line 3, column 8", "colour"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = 1, factor = 2} : f32[1]\n}", "line 3, column 40", "given twice"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor 1} : f32[1]\n}", "line 3, column 26", "expected '='"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = 1--2} : f32[1]\n}", "line 3, column", "is not a number"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = } : f32[1]\n}", "line 3, column 28", "expected an attribute's value"),
        ("graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = [[[[[[[[[[1]]]]]]]]]]} : f32[1]\n}", "line 3, column", "nested too deeply"),
        ("graph g {\n  input %x : f32[4]\n  %y = split(%x) {axis = 0, parts = 2147483649} : f32[1]\n}", "line 3, column 8", "at most 2^31"),
        ("graph g {\n  input %x : f32[4]\n  %y = unsqueeze(%x) {count = 1.5} : f32[1]\n}", "line 3, column 8", "expected an integer, found 1.5"),
        ("graph g {\n  input %x : f32[1, 2, 3, 4]\n  %y = convert_layout(%x) {layout = blocked} : f32[1]\n}", "line 3, column 8", "layout"),
        ("graph \"g {\n}", "line 1, column 7", "a string without end"),
    ])
    func says(_ text: String, _ place: String, _ what: String) throws {
        let error = try #require(throws: InputError.self) { try GraphParser.parse(text, registry: .standard) }
        let message = error.description
        #expect(message.contains(place), "\(message)")
        #expect(message.contains(what), "\(message)")
    }
}
