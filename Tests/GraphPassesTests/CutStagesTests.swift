import GraphIR
import GraphPasses
import GraphTestSupport
import Operators
import Tensors
import Testing

@Suite struct CutStagesTests {
    private let text = graph(
        """
        input %z : f32[1, 6, 8]
        input %table : f32[1, 1, 16]
        parameter @a.weight : f32[8, 8]
        parameter @b.weight : f32[8, 8]
        parameter @c.weight : f32[8, 8]
        parameter @d.weight : f32[8, 8]
        %view = gelu(%z) : f32[1, 6, 8]
        %t1, %t2 = split(%table) {axis = 2, parts = 2} : f32[1, 1, 8], f32[1, 1, 8]
        %one.a = linear(%view, @a.weight) : f32[1, 6, 8]
        %one.sum = add(%one.a, %t1) : f32[1, 6, 8]
        %two.b = linear(%one.sum, @b.weight) : f32[1, 6, 8]
        %loose = silu(%two.b) : f32[1, 6, 8]
        %three.c = linear(%view, @c.weight) : f32[1, 6, 8]
        %three.sum = add(%three.c, %t2) : f32[1, 6, 8]
        %two.last.d = linear(%loose, @d.weight) : f32[1, 6, 8]
        %four = add(%three.sum, %two.last.d) : f32[1, 6, 8]
        output y = %four
        """)

    private func cut(_ rhythms: [Int]) -> CutStages {
        let prefixes = [["one"], ["two"], ["three"], ["two.last", "four"]]
        return CutStages(pieces: zip(["one", "two", "three", "four"], zip(prefixes, rhythms)).map { CutStages.Piece($0, prefixes: $1.0, rhythm: $1.1) })
    }

    private func expectSameNumbers(_ whole: Graph, _ stages: [GraphStage]) throws {
        let runner = SeededRunner()
        var values: [String: Tensor] = [:]
        for stage in stages {
            #expect(Verifier.violations(stage.graph) == [])
            values.merge(try runner.run(stage.graph, inputs: values)) { $1 }
        }
        #expect(values["y"]?.floatArray == (try runner.run(whole))["y"]?.floatArray)
    }

    @Test func cutsByNames() throws {
        let graph = try GraphParser.parse(text, registry: .standard)
        let stages = cut([0, 1, 2, 3]).split(graph)
        func names(_ stage: GraphStage) -> [String] { stage.graph.order.map(stage.graph.name) }
        let whole = graph.name
        #expect(stages.map(\.name) == ["one", "two", "three", "four"].map { "\(whole):\($0)" })
        // What belongs to no piece and reads inputs alone is in each that reads it; parts of a table, too.
        #expect(
            stages.map(names) == [["view", "t1", "one.a", "one.sum"], ["two.b", "loose"], ["view", "t1", "three.c", "three.sum"], ["two.last.d", "four"]])
        #expect(stages.map { $0.graph.outputs.map(\.name) } == [["one.sum"], ["loose"], ["three.sum"], ["y"]])
        #expect(CutStages.pieces(ofStage: stages[0].name) == ["one"] && CutStages.pieces(ofStage: whole) == [])
        try expectSameNumbers(graph, stages)
    }

    /// Pieces that run together are one stage, unless one between them must run before.
    @Test(arguments: [
        ([0, 0, 0, 0], [""]), ([0, 1, 0, 1], ["one+three", "two+four"]), ([1, 0, 0, 1], ["one", "two+three", "four"]),
        ([0, 1, 0, 0], ["one+three", "two", "four"]),
    ]) func joinsWhatRunsTogether(_ rhythms: [Int], _ expected: [String]) throws {
        let graph = try GraphParser.parse(text, registry: .standard)
        let stages = cut(rhythms).split(graph)
        #expect(stages.map { CutStages.pieces(ofStage: $0.name).joined(separator: "+") } == expected)
        try expectSameNumbers(graph, stages)
    }

    /// A node is never before what it reads, whatever its name.
    @Test func neverRunsBeforeWhatItReads() throws {
        let graph = try GraphParser.parse(text, registry: .standard)
        let pieces = [
            CutStages.Piece("late", prefixes: ["three", "two.last", "four"], rhythm: 0), CutStages.Piece("early", prefixes: ["one", "two"], rhythm: 1),
        ]
        let stages = CutStages(pieces: pieces).split(graph)
        #expect(stages.map { CutStages.pieces(ofStage: $0.name) } == [["late"], ["early"]])
        #expect(stages[0].graph.outputs.map(\.name) == ["three.sum"])
        try expectSameNumbers(graph, stages)
    }
}
