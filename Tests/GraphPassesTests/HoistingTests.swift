import GraphIR
import GraphPasses
import GraphTestSupport
import Operators
import Tensors
import Testing

@Suite struct SplitInvariantChannelsTests {
    private let pass = SplitInvariantChannels(changingInputs: ["z"])
    private let convolution = "stride = [1, 1], padding = [1, 1, 1, 1]"
    private let result = "f32[1, 16, 5, 6]@channels_last"

    private func inputs(_ lines: String, outputs: String = "") -> String {
        graph(
            """
            input %z : f32[1, 4, 5, 6]@channels_last
            input %c_img : f32[1, 3, 5, 6]@channels_last
            input %d : f32[1, 2, 5, 6]@channels_last
            parameter @c.bias : f32[16]
            parameter @c.weight : f32[16, 9, 3, 3]
            \(lines)
            output y = %y
            \(outputs)
            """)
    }

    @Test func takesOutWhatStays() throws {
        try expectRewrite(
            inputs(
                """
                %x = concat(%c_img, %z, %d) {axis = 1} : f32[1, 9, 5, 6]@channels_last
                %y = conv2d(%x, @c.weight, @c.bias) {\(convolution)} : \(result)
                """), by: pass,
            gives: inputs(
                """
                %y.invariant.input = concat(%c_img, %d) {axis = 1} : f32[1, 5, 5, 6]@channels_last
                %y.invariant = conv2d(%y.invariant.input, @c.weight, @c.bias) {\(convolution), input_channels = [0, 3, 7, 9]} : \(result)
                %y = conv2d(%z, @c.weight, %y.invariant) {\(convolution), input_channels = [3, 7], epilogue = [add_residual]} : \(result)
                """))
    }

    @Test func joinsWhatChanges() throws {
        try expectRewrite(
            inputs(
                """
                %e = silu(%z) : f32[1, 4, 5, 6]@channels_last
                %f, %g = split(%e) {axis = 1, parts = 2} : f32[1, 2, 5, 6]@channels_last, f32[1, 2, 5, 6]@channels_last
                %x = concat(%z, %c_img, %f) {axis = 1} : f32[1, 9, 5, 6]@channels_last
                %y = conv2d(%x, @c.weight) {\(convolution)} : \(result)
                """, outputs: "output g = %g"), by: pass, ReadConcatInPlace(),
            gives: inputs(
                """
                %y.invariant = conv2d(%c_img, @c.weight) {\(convolution), input_channels = [4, 7]} : \(result)
                %e = silu(%z) : f32[1, 4, 5, 6]@channels_last
                %f, %g = split(%e) {axis = 1, parts = 2} : f32[1, 2, 5, 6]@channels_last, f32[1, 2, 5, 6]@channels_last
                %y = conv2d(%z, %f, @c.weight, %y.invariant) {\(convolution), input_channels = [0, 4, 7, 9], \
                prologue = [concat], epilogue = [add_residual]} : \(result)
                """, outputs: "output g = %g"))
    }

    @Test(arguments: [["z", "c_img", "d"], []]) func keepsWhatIsOfOneKind(_ changing: Set<String>) throws {
        try expectUnchanged(
            inputs(
                """
                %x = concat(%c_img, %z, %d) {axis = 1} : f32[1, 9, 5, 6]@channels_last
                %y = conv2d(%x, @c.weight) {\(convolution)} : \(result)
                """), by: SplitInvariantChannels(changingInputs: changing))
    }

    @Test func keepsOthers() throws {
        let concat = "%x = concat(%c_img, %z, %d) {axis = 1} : f32[1, 9, 5, 6]@channels_last"
        let y = "%y = conv2d(%x, @c.weight) {\(convolution)} : \(result)"
        try expectUnchanged(inputs("\(concat)\n\(y)", outputs: "output x = %x"), by: pass)
        try expectUnchanged(inputs("\(concat)\n%y = conv2d(%x, @c.weight) {\(convolution), epilogue = [silu]} : \(result)"), by: pass)
        try expectUnchanged(inputs("\(concat)\n%y = conv2d(%x, @c.weight) {\(convolution), prologue = [silu]} : \(result)"), by: pass)
        try expectUnchanged(
            inputs("\(concat)\n%y = conv2d(%x, @c.weight) {\(convolution), input_channels = [0, 9]} : \(result)"), by: pass)
        try expectUnchanged(
            inputs(
                """
                \(concat)
                %r = conv2d(%d, @c.weight) {\(convolution), input_channels = [0, 2]} : \(result)
                %y = conv2d(%x, @c.weight, %r) {\(convolution), epilogue = [add_residual]} : \(result)
                """), by: pass)
        try expectUnchanged(
            inputs("\(concat)\n\(y)").replacing("@channels_last", with: ""), by: pass)
    }
}

@Suite struct HoistInvariantsTests {
    private let hoisting = HoistInvariants(
        stages: [.init("prologue", inputs: ["context"]), .init("time_table", inputs: ["timestep"], isTable: true)], rest: "step")
    private let step = graph(
        """
        input %z : f32[1, 6, 32]
        input %timestep : f32[1]
        input %context : f32[1, 7, 32]
        parameter @a.weight : f32[16, 8]
        parameter @b.weight : f32[16, 8]
        parameter @kv.weight : f32[64, 32]
        parameter @q.weight : f32[32, 32]
        %e = timestep_embedding(%timestep) {dimension = 8, max_period = 10000.0} : f32[1, 8]
        %p = linear(%e, @a.weight, @b.weight) {weights = 2} : f32[1, 32]
        %t1, %t2 = split(%p) {axis = 1, parts = 2} : f32[1, 16], f32[1, 16]
        %t = concat(%t2, %t1) {axis = 1} : f32[1, 32]
        %kv = linear(%context, @kv.weight) : f32[1, 7, 64]
        %q = linear(%z, @q.weight) : f32[1, 6, 32]
        %m = attention(%q, %kv) {head_size = 8, scale = 0.5, causal = false, packing = key_value} : f32[1, 6, 32]
        %s = add(%m, %t) : f32[1, 6, 32]
        %c = add(%context, %t) : f32[1, 7, 32]
        output y = %s
        output kv = %kv
        output c = %c
        """)

    @Test func cutsByHowOftenThingsChange() throws {
        let graph = try GraphParser.parse(step, registry: .standard)
        let staged = hoisting.split(graph)
        func names(_ graph: Graph) -> [String] { graph.order.map(graph.name) }
        #expect(staged.stages.map(\.name) == ["prologue", "time_table", "step"])
        #expect(staged.stages.map(\.dependsOn) == [["context"], ["timestep"], ["z", "timestep", "context"]])
        #expect(staged.stages.map { names($0.graph) } == [["kv"], ["e", "p", "t1", "t"], ["q", "m", "s", "c"]])
        #expect(staged["prologue"].outputs.map(\.name) == ["kv"] && staged["time_table"].outputs.map(\.name) == ["t"])
        let step = staged["step"]
        #expect(step.inputs.map { step[$0].name } == ["z", "context", "kv", "t"])
        #expect(step.outputs.map(\.name) == ["y", "kv", "c"])
        for stage in staged.stages { #expect(Verifier.violations(stage.graph) == []) }
        try expectSameNumbers(graph, staged)

        // What depends on an input that is left where it is is computed each time.
        let left = hoisting.leaving("context").split(graph)
        #expect(left.stages.map { names($0.graph) } == [[], ["e", "p", "t1", "t"], ["kv", "q", "m", "s", "c"]])
        try expectSameNumbers(graph, left)
    }

    /// The parts of a row are views, so the table has the row.
    @Test func leavesViewsToTheStep() throws {
        let text = step.replacing(
            "  %t = concat(%t2, %t1)",
            with: """
                  %zsum = reduce_sum(%z) {axis = 1} : f32[1, 32]
                  %z1, %z2 = split(%zsum) {axis = 1, parts = 2} : f32[1, 16], f32[1, 16]
                  %t = concat(%t1, %z1)
                """)
        let graph = try GraphParser.parse(text, registry: .standard)
        let staged = hoisting.split(graph)
        #expect(staged["time_table"].outputs.map(\.name) == ["p"])
        #expect(staged["step"].nodeCounts["split"] == 2)
        try expectSameNumbers(graph, staged)
    }
}

/// Expects the stages together to do what the whole graph does.
func expectSameNumbers(
    _ whole: Graph, _ staged: StagedGraph, runner: SeededRunner = SeededRunner(), sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let expected = try runner.run(whole)
    var values: [String: Tensor] = [:]
    for stage in staged.stages.dropLast() { values.merge(try runner.run(stage.graph, inputs: values)) { $1 } }
    let difference = try SeededRunner.largestRelativeDifference(expected, runner.run(staged.stages.last!.graph, inputs: values))
    #expect(difference <= SeededRunner.tolerance, "\(whole.name): \(difference)", sourceLocation: sourceLocation)
}
