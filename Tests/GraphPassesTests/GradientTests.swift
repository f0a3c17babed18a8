import Files
import GraphIR
import GraphPasses
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Gradients against finite differences, op by op.
@Suite struct GradientTests {
    /// A graph with an input x, and what it is of.
    struct Case: CustomTestStringConvertible, Sendable {
        var inputs: String
        var parameters = ""
        var nodes: String
        var testDescription: String { nodes }

        init(_ inputs: String, _ nodes: String, parameters: String = "") { (self.inputs, self.nodes, self.parameters) = (inputs, nodes, parameters) }

        func graph() throws -> Graph {
            let lines =
                inputs.split(separator: ";").map { "input %\($0)" } + parameters.split(separator: ";").map { "parameter @\($0)" }
                + nodes.split(separator: ";").map { "\($0)" } + ["output y = %y"]
            return try GraphParser.parse("graph g {\n" + lines.map { "  \($0)\n" }.joined() + "}\n", registry: .standard)
        }
    }

    static let cases =
        [
            Case("x : f32[2, 3];b : f32[3]", "%y = add(%x, %b) : f32[2, 3]"), Case("b : f32[2, 3];x : f32[2, 1]", "%y = multiply(%b, %x) : f32[2, 3]"),
            Case("x : f32[2, 3]", "%y = multiply(%x, %x) : f32[2, 3]"), Case("b : f32[2, 3];x : f32[3]", "%y = add(%b, %x) : f32[2, 3]"),
            Case("x : f32[2, 3];b : f32[2, 1]", "%y = binary(%x, %b) {function = subtract} : f32[2, 3]"),
            Case("b : f32[2, 3];x : f32[3]", "%y = binary(%b, %x) {function = subtract} : f32[2, 3]"),
            Case("x : f32[1, 3];b : f32[2, 3]", "%y = binary(%x, %b) {function = divide} : f32[2, 3]"),
            Case("b : f32[2, 3];x : f32[3]", "%y = binary(%b, %x) {function = divide} : f32[2, 3]"),
            Case("x : f32[2, 3]", "%y = scale(%x) {factor = -1.5} : f32[2, 3]"), Case("x : f32[2, 3]", "%y = silu(%x) : f32[2, 3]"),
            Case("x : f32[2, 3]", "%y = gelu(%x) : f32[2, 3]"), Case("x : f32[2, 5]", "%y = softmax(%x) : f32[2, 5]"),
            Case("x : f32[4, 4]", "%m = causal_mask(%x) : f32[4, 4];%y = softmax(%m) : f32[4, 4]"),
            Case("x : f32[2, 3, 4];b : f32[4, 2]", "%y = matmul(%x, %b) {transpose_b = false} : f32[2, 3, 2]"),
            Case("b : f32[2, 3, 4];x : f32[4, 2]", "%y = matmul(%b, %x) {transpose_b = false} : f32[2, 3, 2]"),
            Case("x : f32[3, 4];b : f32[2, 5, 4]", "%y = matmul(%x, %b) {transpose_b = true} : f32[2, 3, 5]"),
            Case("b : f32[3, 4];x : f32[2, 5, 4]", "%y = matmul(%b, %x) {transpose_b = true} : f32[2, 3, 5]"),
            Case("x : f32[2, 3, 4]", "%y = linear(%x, @w, @b) : f32[2, 3, 5]", parameters: "b : f32[5];w : f32[5, 4]"),
            Case(
                "x : f32[2, 3, 5, 4]", "%y = conv2d(%x, @w, @b) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[2, 4, 5, 4]",
                parameters: "b : f32[4];w : f32[4, 3, 3, 3]"),
            Case(
                "x : f32[1, 4, 6, 7]", "%y = conv2d(%x, @w) {stride = [2, 3], padding = [0, 1, 1, 0], dilation = [2, 1], groups = 2} : f32[1, 6, 3, 2]",
                parameters: "w : f32[6, 2, 2, 3]"),
            Case(
                "x : f32[1, 2, 8]", "%y = convolution(%x, @w) {strides = [3], padding = [1, 0], dilations = [1], groups = 1} : f32[1, 3, 3]",
                parameters: "w : f32[3, 2, 2]"),
            Case(
                "x : f32[1, 4, 3, 2]",
                "%y = conv_transpose(%x, @w, @b) {strides = [2, 3], padding = [1, 0, 0, 1], dilations = [1, 2], groups = 2, output_padding = [1, 2]} : f32[1, 6, 6, 7]",
                parameters: "b : f32[6];w : f32[4, 3, 2, 2]"),
            Case(
                "x : f32[1, 2, 4]",
                "%y = conv_transpose(%x, @w) {strides = [2], padding = [0, 1], dilations = [1], groups = 1, output_padding = [0]} : f32[1, 3, 8]",
                parameters: "w : f32[2, 3, 3]"),
            Case("x : f32[1, 2, 3, 2]", "%y = upsample_nearest(%x) {factor = 3} : f32[1, 2, 9, 6]"),
            Case("x : f32[2, 3, 4]", "%y = layer_norm(%x, @w, @b) {epsilon = 0.01} : f32[2, 3, 4]", parameters: "b : f32[4];w : f32[4]"),
            Case("x : f32[2, 3, 2, 2]", "%y = tokens_from_image(%x) : f32[2, 4, 3]"),
            Case("x : f32[2, 4, 3];b : f32[2, 1, 2, 2]", "%y = image_from_tokens(%x, %b) : f32[2, 3, 2, 2]"),
            Case("x : f32[2, 3, 4]", "%y = transpose(%x) {permutation = [1, 2, 0]} : f32[3, 4, 2]"),
            Case("x : f32[2, 3, 4]", "%y = flatten(%x) {first = 0, last = 1} : f32[6, 4]"),
            Case("x : f32[2, 6]", "%y = unflatten(%x) {axis = 1, sizes = [-1, 2]} : f32[2, 3, 2]"),
            Case("x : f32[2, 6]", "%y = reshape(%x) {shape = [3, 4]} : f32[3, 4]"), Case("x : f32[2, 3]", "%y = unsqueeze(%x) {count = 2} : f32[2, 3, 1, 1]"),
            Case("b : f32[2, 3];x : f32[2, 2]", "%y = concat(%b, %x) {axis = -1} : f32[2, 5]"),
            Case("x : f32[2, 5]", "%a, %y, %c = split(%x) {axis = 1, parts = 3, sizes = [1, 3, 1]} : f32[2, 1], f32[2, 3], f32[2, 1]"),
            Case("x : f32[2, 3, 4]", "%y = reduce_sum(%x) {axis = 1} : f32[2, 4]"),
            Case("x : f32[2, 3, 4]", "%y = reduce(%x) {function = mean, axes = [0, -1], keeps_dimensions = false} : f32[3]"),
            Case("x : f32[2, 3, 4]", "%y = reduce(%x) {function = sum, axes = [1], keeps_dimensions = true} : f32[2, 1, 4]"),
            Case("x : f32[3, 1]", "%y = expand(%x) {shape = [2, 3, 4]} : f32[2, 3, 4]"),
            // Two readers, and one that does not count.
            Case("x : f32[2, 3]", "%a = silu(%x) : f32[2, 3];%b = gelu(%x) : f32[2, 3];%y = multiply(%a, %x) : f32[2, 3]"),
        ] + groupNorms + attentions + unaries

    static let groupNorms = ["", ", activation = silu"].flatMap { activation in
        [(2, 4, 2), (1, 6, 3)].map { batch, channels, groups in
            Case(
                "x : f32[\(batch), \(channels), 3, 2]",
                "%y = group_norm(%x, @w, @b) {groups = \(groups), epsilon = 0.01\(activation)} : f32[\(batch), \(channels), 3, 2]",
                parameters: "b : f32[\(channels)];w : f32[\(channels)]")
        }
    }
    static let attentions = ["x;b;c", "a;x;c", "a;b;x"].flatMap { names in
        [(1, false), (2, false), (1, true)].map { batch, causal in
            let names = names.split(separator: ";")
            let (query, key) = ("f32[2, 3, 4]", "f32[\(batch), \(causal ? 3 : 5), 4]")
            return Case(
                "\(names[0]) : \(query);\(names[1]) : \(key);\(names[2]) : \(key)",
                "%y = attention(%\(names[0]), %\(names[1]), %\(names[2])) {head_size = 2, scale = 0.7, causal = \(causal)} : \(query)")
        }
    }
    static let unaries =
        ["abs", "negate", "exp", "sigmoid", "tanh", "relu", "sin", "cos"].map { Case("x : f32[3, 4]", "%y = unary(%x) {function = \($0)} : f32[3, 4]") }
        + ["log", "sqrt", "reciprocal"].map {
            Case("x : f32[3, 4]", "%s = multiply(%x, %x) : f32[3, 4];%y = unary(%s) {function = \($0)} : f32[3, 4]")
        }

    /// Each number of the gradient is the slope of the output's product with a tensor; as imported and as optimised.
    @Test(arguments: cases) func isTheSlope(_ example: Case) throws {
        let graph = try example.graph()
        let gradient = try Gradient.graph(of: graph, withRespectTo: "x")
        Verifier.violations(gradient).forEach { Issue.record("\($0)") }
        #expect(try GraphParser.parse(gradient.text, registry: .standard).text == gradient.text)
        let runner = SeededRunner()
        // Away from zero, where some have no slope.
        var inputs = try SeededRunner.inputs(of: gradient).mapValues { $0.map { $0 < 0 ? $0 - 0.5 : $0 + 0.5 } }
        let (seed, x) = (inputs["y.gradient"]!.floatArray, inputs["x"]!)
        let found = try runner.run(gradient, inputs: inputs)["x.gradient"]!
        #expect(found.type == x.type)
        let optimized = try runner.run(optimize(gradient, options: PipelineOptions(verifies: true)).graph, inputs: inputs)["x.gradient"]!
        #expect(SeededRunner.largestRelativeDifference(["x": optimized], ["x": found]) < SeededRunner.tolerance)
        func value(_ index: Int, _ step: Float) throws -> Double {
            var moved = x.floatArray
            moved[index] += step
            inputs["x"] = Tensor(moved, shape: x.shape)
            return zip(try runner.run(graph, inputs: inputs)["y"]!.floatArray, seed).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let size = found.floatArray.reduce(0) { max($0, abs($1)) }
        for index in 0..<x.type.elementCount {
            let h: Float = 0.05
            let (near, far) = (try value(index, h) - value(index, -h), try value(index, 2 * h) - value(index, -2 * h))
            let slope = (8 * near - far) / (12 * Double(h))
            #expect(abs(Double(found.floatArray[index]) - slope) < 1e-3 * Double(max(size, 0.1)), "element \(index) of \(x.shape)")
        }
    }

    @Test func everyRuleIsTested() throws {
        let tested = Set(try Self.cases.flatMap { example in try example.graph().nodeCounts.keys })
        let rules = OpRegistry.standard.names.filter { OpRegistry.standard[$0] is any DifferentiableOp.Type }
        #expect(Set(rules).subtracting(tested).isEmpty && rules.count > 20)
    }

    /// Beside the rules themselves: what is kept, and how the graph is named.
    @Test func readsAsAGraph() throws {
        let graph = try GraphParser.parse(
            """
            graph g {
              input %x : f32[1, 2, 4, 4]
              parameter @b : f32[2]
              parameter @s : f32[2]
              parameter @w : f32[3, 2, 3, 3]
              %n = group_norm(%x, @s, @b) {groups = 1, epsilon = 1e-05} : f32[1, 2, 4, 4]
              %a = silu(%n) : f32[1, 2, 4, 4]
              %y = conv2d(%a, @w) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 3, 4, 4]
              output y = %y
            }
            """, registry: .standard)
        let gradient = try Gradient.graph(of: graph, withRespectTo: "x")
        #expect(
            gradient.text == """
                graph g_gradient {
                  input %x : f32[1, 2, 4, 4]
                  input %y.gradient : f32[1, 3, 4, 4]
                  parameter @b : f32[2]
                  parameter @s : f32[2]
                  parameter @w : f32[3, 2, 3, 3]
                  %y.conv_transpose = conv_transpose(%y.gradient, @w) {strides = [1, 1], padding = [1, 1, 1, 1], dilations = [1, 1], groups = 1, output_padding = [0, 0]} : f32[1, 2, 4, 4]
                  %a.group_norm_gradient = group_norm_gradient(%x, @s, @b, %y.conv_transpose) {groups = 1, epsilon = 1e-05, activation = silu} : f32[1, 2, 4, 4]
                  output x.gradient = %a.group_norm_gradient
                }

                """)
    }

    @Test(arguments: [
        ("%y = unfold(%x) {kernel_size = [3, 3]} : f32[1, 2, 9, 4, 4]", "x", "the op 'unfold' has no gradient"),
        ("%y = unary(%x) {function = floor} : f32[1, 2, 4, 4]", "x", "there is no rule for floor"),
        ("%y = silu(%x) : f32[1, 2, 4, 4]", "z", "has no input 'z'"),
        ("%y.gradient = silu(%x) : f32[1, 2, 4, 4];%y = silu(%y.gradient) : f32[1, 2, 4, 4]", "x", "has a value 'y.gradient' already"),
    ]) func refuses(_ nodes: String, _ input: String, _ complaint: String) throws {
        let graph = try Case("x : f32[1, 2, 4, 4]", nodes).graph()
        let error = #expect(throws: InputError.self) { try Gradient.graph(of: graph, withRespectTo: input) }
        #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
    }

    /// Weights are no inputs that change.
    @Test func refusesWhatDoesNotDepend() throws {
        let graph = try Case("x : f32[2];b : f32[2]", "%y = silu(%b) : f32[2]").graph()
        #expect(throws: InputError.self) { try Gradient.graph(of: graph, withRespectTo: "x") }
    }
}
