import Files
import GraphIR
import GraphTestSupport
import Operators
import Tensors
import Testing

@Suite struct TextFormTests {
    @Test(arguments: OpSamples.all)
    func printingAParsedTextGivesTheSameText(_ sample: (op: String, text: String)) throws {
        let graph = try GraphParser.parse(sample.text, registry: .standard)
        #expect(graph.text == sample.text)
        #expect(graph[graph.order[0]].op.name == sample.op)
        #expect(Verifier.violations(graph).isEmpty)
        #expect(graph.floatingPointOperations >= 0)
    }

    @Test func everyOpHasASample() {
        #expect(Set(OpSamples.all.map(\.op)) == Set(OpRegistry.standard.names))
    }

    /// A builder's graph and the one read from its text are the same op for op.
    @Test func buildersAndParsersAgree() throws {
        var b = GraphBuilder(name: "net")
        let x = b.input("x", TensorType(.float32, [1, 4, 8, 8]))
        b.enterScope("block.0")
        let weight = b.parameter("unet.input_blocks.0.0.weight", TensorType(.float32, [6, 4, 3, 3]))
        let h = try b.apply(Conv2D(padding: [1, 1, 1, 1]), x, weight)
        let parts = try b.apply(Split(axis: 1, parts: 2), [b.apply(SiLU(), h)], name: "halves")
        b.leaveScope()
        b.output("first", parts[0])
        b.output("sum", try b.apply(Add(), parts[0], parts[1]))
        let text = b.graph.text
        #expect(
            text == """
                graph net {
                  input %x : f32[1, 4, 8, 8]
                  parameter @unet.input_blocks.0.0.weight : f32[6, 4, 3, 3]
                  %block.0.conv2d = conv2d(%x, @unet.input_blocks.0.0.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 6, 8, 8]
                  %block.0.silu = silu(%block.0.conv2d) : f32[1, 6, 8, 8]
                  %block.0.halves, %block.0.halves_2 = split(%block.0.silu) {axis = 1, parts = 2} : f32[1, 3, 8, 8], f32[1, 3, 8, 8]
                  %add = add(%block.0.halves, %block.0.halves_2) : f32[1, 3, 8, 8]
                  output first = %block.0.halves
                  output sum = %add
                }

                """)
        let parsed = try GraphParser.parse(text, registry: .standard)
        #expect(parsed.text == text)
        for (a, b) in zip(b.graph.order.map({ b.graph[$0].op }), parsed.order.map { parsed[$0].op }) { #expect(a.isEqual(to: b)) }
    }

    @Test func namesOfAllKindsSurvive() throws {
        let names = ["plain", "with space", "quote\"d", "back\\slash", "new\nline", "", "ünï", "%x", "1", "-", "graph", "a.b/c_d-e"]
        var b = GraphBuilder(name: "odd \"names\"")
        for name in names {
            let x = b.input(name, TensorType(.float32, [2]))
            b.output("out " + name, try b.apply(Add(), x, b.parameter(name, TensorType(.float32, [2])), name: "sum of \(name)"))
        }
        let parsed = try GraphParser.parse(b.graph.text, registry: .standard)
        #expect(parsed.text == b.graph.text)
        #expect(parsed.inputs.map { parsed[$0].name } == names)
        #expect(parsed.name == b.graph.name)
        for name in names { #expect(parsed.parameter(name) != nil) }
    }

    @Test func spaceAndCommentsMeanNothing() throws {
        let text = "# a comment\ngraph\tg{input%x:f32[2]# here too\r\n%y=silu(%x):f32[2]output o=%y}  # and here"
        let graph = try GraphParser.parse(text, registry: .standard)
        #expect(graph.order.count == 1)
        #expect(graph.output("o") != nil)
    }

    @Test(arguments: ElementType.allCases)
    func everyElementTypeIsReadAndWritten(_ type: ElementType) throws {
        let text = "graph g {\n  input %x : \(type.rawValue)[3, 0, 2]\n  output x = %x\n}\n"
        #expect(try GraphParser.parse(text, registry: .standard).text == text)
    }

    /// Every float32 is written so that the same one is read.
    @Test func floatAttributesAreExact() throws {
        var generator = SeededGenerator(state: 7)
        let special: [Float] = [0, -0.0, 1, .pi, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .ulpOfOne, .infinity, -.infinity]
        let random = (0..<2000).map { _ in Float(bitPattern: generator.next()) }.filter { !$0.isNaN }
        for factor in special + random {
            let text = "graph g {\n  input %x : f32[1]\n  %y = scale(%x) {factor = \(factor)} : f32[1]\n  output y = %y\n}\n"
            let graph = try GraphParser.parse(text, registry: .standard)
            let op = try #require(graph[graph.order[0]].op as? Scale)
            #expect(op.factor.bitPattern == factor.bitPattern)
            let again = try GraphParser.parse(graph.text, registry: .standard)
            #expect(again[again.order[0]].op.isEqual(to: op))
        }
    }
}
