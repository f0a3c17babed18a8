import Files
import GraphIR
import Operators
import Tensors
import Testing

@Suite struct GraphEditorTests {
    private func editor(_ body: String) throws -> GraphEditor {
        GraphEditor(try GraphParser.parse("graph g {\n\(body)\n}\n", registry: .standard))
    }

    private let chain = """
          input %x : f32[4]
          parameter @p : f32[4]
          %a = silu(%x) : f32[4]
          %b = gelu(%a) : f32[4]
          %c = add(%b, @p) : f32[4]
          output c = %c
        """

    private func value(_ editor: GraphEditor, _ name: String) throws -> ValueID {
        try #require(editor.graph.valueIDs.first { editor.graph[$0].name == name })
    }

    private func node(_ editor: GraphEditor, _ name: String) throws -> NodeID {
        try #require(editor.graph.producer(of: value(editor, name)))
    }

    private func lines(_ editor: GraphEditor) -> [String] { editor.graph.order.map(editor.graph.line) }

    @Test func usesAreKnown() throws {
        let editor = try editor(chain)
        #expect(editor.uses(of: try value(editor, "a")) == [try node(editor, "b")])
        #expect(editor.onlyUser(of: try value(editor, "a")) == (try node(editor, "b")))
        #expect(editor.isOutput(try value(editor, "c")))
        #expect(editor.onlyUser(of: try value(editor, "c")) == nil)
        #expect(editor.isUnused(try node(editor, "c")) == false)
    }

    @Test func aReplacementTakesOverReadersNameAndOrigins() throws {
        var editor = try editor(chain)
        let (a, b) = (try node(editor, "a"), try node(editor, "b"))
        try editor.replace(b, with: Scale(factor: 2), [value(editor, "x")], absorbing: [a])
        #expect(lines(editor) == ["%b = scale(%x) {factor = 2.0} : f32[4] from %a, %b", "%c = add(%b, @p) : f32[4]"])
        #expect(Verifier.violations(editor.graph).isEmpty)
        // What did several nodes' work is itself absorbed: the origins stay those of the imported graph.
        let merged = try node(editor, "b")
        try editor.replace(node(editor, "c"), with: GELU(), [value(editor, "x")], absorbing: [merged])
        #expect(lines(editor) == ["%c = gelu(%x) : f32[4] from %a, %b, %c"])
        let erased = editor.eraseUnusedParameters()
        #expect(erased)
        #expect(editor.graph.parameters.isEmpty)
    }

    @Test func absorbedNodesThatOthersReadStay() throws {
        var editor = try editor(chain.replacing("output c = %c", with: "output c = %c\n  output a = %a"))
        try editor.replace(node(editor, "b"), with: SiLU(), [value(editor, "x")], absorbing: [node(editor, "a")])
        #expect(editor.graph.order.count == 3)
        #expect(Verifier.violations(editor.graph).isEmpty)
    }

    @Test func insertionsStandInOrder() throws {
        var editor = try editor(chain)
        let new = try editor.insertAfterOperands(Scale(factor: 3), [value(editor, "a")], name: "s")[0]
        editor.replaceUses(of: try value(editor, "b"), with: new)
        try editor.insert(GELU(), [value(editor, "x")], before: node(editor, "a"), name: "s")
        #expect(
            lines(editor) == [
                "%s_2 = gelu(%x) : f32[4]", "%a = silu(%x) : f32[4]", "%s = scale(%a) {factor = 3.0} : f32[4]", "%b = gelu(%a) : f32[4]",
                "%c = add(%s, @p) : f32[4]",
            ])
        let positions = editor.graph.order.map { editor.position(of: $0) }
        #expect(positions == positions.sorted() && Set(positions).count == positions.count)
        editor.eraseUnused(editor.graph.order)
        #expect(editor.graph.order.count == 3)
        #expect(Verifier.violations(editor.graph).isEmpty)
    }

    @Test func whatDoesNotFitIsRefusedAndChangesNothing() throws {
        var editor = try editor(chain)
        let text = editor.graph.text
        #expect(throws: InputError.self) { try editor.insertAfterOperands(Split(axis: 0, parts: 3), [value(editor, "a")], name: "n") }
        #expect(editor.graph.text == text)
    }

    @Test func inputsAndOutputsComeAndGo() throws {
        var editor = try editor(chain)
        let y = editor.addInput("y", TensorType(.float32, [4]))
        editor.setOperand(1, of: try node(editor, "c"), to: y)
        let erased = editor.eraseUnusedParameters()
        #expect(erased)
        editor.addOutput("a", try value(editor, "a"))
        editor.removeOutput("c")
        editor.eraseUnused([try node(editor, "c"), try node(editor, "b")])
        editor.removeInput(y)
        #expect(
            editor.graph.text == """
                graph g {
                  input %x : f32[4]
                  %a = silu(%x) : f32[4]
                  output a = %a
                }

                """)
        // The names are free again.
        editor.rename(try value(editor, "a"), to: "y")
        #expect(editor.graph.text.contains("%y = silu(%x)"))
    }

    @Test func theOrderCanChange() throws {
        var editor = try editor("  input %x : f32[4]\n  %a = silu(%x) : f32[4]\n  %b = gelu(%x) : f32[4]\n  output a = %a\n  output b = %b")
        editor.reorder(editor.graph.order.reversed())
        #expect(lines(editor).first == "%b = gelu(%x) : f32[4]")
        #expect(Verifier.violations(editor.graph).isEmpty)
    }
}
