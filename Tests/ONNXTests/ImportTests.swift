import GraphIR
import GraphTestSupport
import ONNX
import Operators
import Tensors
import Testing

@Suite struct ImportTests {
    @Test func aLinearLayerOfAMatMulReadsItsWeightTransposed() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("MatMul", ["x", "onnx::MatMul_1"], ["h"], name: "/down/down.0/MatMul"), Part.node("Add", ["h", "down.0.bias"], ["y"])],
                    inputs: [Part.value("x", [1, 2])], outputs: [Part.value("y", [1, 3])],
                    initializers: [Part.tensor("onnx::MatMul_1", [2, 3], [1, 2, 3, 4, 5, 6]), Part.tensor("down.0.bias", [3], [10, 20, 30])])))
        #expect(imported.ops == ["linear", "add"])
        #expect(imported.parameters.keys == ["down.0.bias", "down.0.weight"])
        #expect(try imported.parameters.parameter("down.0.weight").floatArray == [1, 4, 2, 5, 3, 6])
        #expect(try imported.run(["x": Tensor([1, 10] as [Float], shape: [1, 2])])["y"]!.floatArray == [51, 72, 93])
    }

    @Test func aProductWithAWeightThatIsTransposedFirstReadsItAsItIs() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Transpose", ["w"], ["t"], ["perm": .ints([1, 0])]), Part.node("MatMul", ["x", "t"], ["y"])],
                    inputs: [Part.value("x", [1, 2])], outputs: [Part.value("y", nil)],
                    initializers: [Part.tensor("w", [3, 2], [1, 2, 3, 4, 5, 6])])))
        #expect(imported.ops == ["linear"])
        #expect(try imported.parameters.parameter("w").floatArray == [1, 2, 3, 4, 5, 6])
    }

    @Test func arithmeticOnShapesIsFoldedAway() throws {
        // Flattens all but the first dimension, as exporters of PyTorch write it.
        let imported = try importing(
            Part.model(
                Part.graph(
                    [
                        Part.node("Shape", ["x"], ["s"]), Part.node("Gather", ["s", "zero"], ["n"]), Part.node("Unsqueeze", ["n", "axes"], ["n1"]),
                        Part.node("Concat", ["n1", "rest"], ["target"], ["axis": .int(0)]), Part.node("Reshape", ["x", "target"], ["y"]),
                    ],
                    inputs: [Part.value("x", ["N", 3, "W"])], outputs: [Part.value("y", nil)],
                    initializers: [
                        Part.tensor("zero", [], integers: [0]), Part.tensor("axes", [1], integers: [0]), Part.tensor("rest", [1], integers: [-1]),
                    ])), inputs: ["x": [2, 3, 4]])
        #expect(
            imported.graph.text == """
                graph g {
                  input %x : f32[2, 3, 4]
                  %y = reshape(%x) {shape = [2, 12]} : f32[2, 12]
                  output y = %y
                }

                """)
    }

    @Test func aConstantConditionChoosesABranchThatSeesNamesAroundIt() throws {
        func branch(_ factor: String) -> WireMessage {
            Part.graph([Part.node("Mul", ["x", factor], ["inner"])], outputs: [Part.value("inner", nil)])
        }
        let imported = try importing(
            Part.model(
                Part.graph(
                    [
                        Part.node("Size", ["x"], ["count"]), Part.node("Greater", ["count", "four"], ["many"]),
                        Part.node("If", ["many"], ["y"], ["then_branch": .graph(branch("two")), "else_branch": .graph(branch("three"))]),
                    ],
                    inputs: [Part.value("x", [2])], outputs: [Part.value("y", nil)],
                    initializers: [Part.tensor("four", [], integers: [4]), Part.tensor("two", [], [2]), Part.tensor("three", [], [3])])))
        #expect(imported.ops == ["constant", "multiply"])
        #expect(try imported.run(["x": Tensor([1, 2] as [Float], shape: [2])])["y"]!.floatArray == [3, 6])
    }

    @Test func functionsAreInlinedWithTheirAttributes() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Twice", ["x"], ["y"], name: "call", domain: "own", ["slope": .float(0.5)])],
                    inputs: [Part.value("x", [2])], outputs: [Part.value("y", nil)]),
                functions: [
                    Part.function(
                        "Leak", inputs: ["a"], outputs: ["b"], attributes: ["alpha"],
                        [Part.node("LeakyRelu", ["a"], ["b"], ["alpha": .reference("alpha")])]),
                    Part.function(
                        "Twice", inputs: ["a", "unused"], outputs: ["c"], attributes: ["slope"],
                        [
                            Part.node("Leak", ["a"], ["b"], domain: "own", ["alpha": .reference("slope")]),
                            Part.node("Leak", ["b"], ["c"], domain: "own", ["alpha": .reference("slope")]),
                        ]),
                ]))
        #expect(imported.ops == ["unary", "unary"])
        #expect(imported.graph.order.map(imported.graph.name) == ["call/b", "y"])
        #expect(try imported.run(["x": Tensor([-4, 4] as [Float], shape: [2])])["y"]!.floatArray == [-1, 4])
    }

    @Test func aBoundInputIsFixedOnlyWhereAShapeDependsOnIt() throws {
        let model = Part.model(
            Part.graph(
                [Part.node("Reshape", ["x", "s"], ["r"]), Part.node("Cast", ["s"], ["f"], ["to": .int(1)]), Part.node("Add", ["r", "f"], ["y"])],
                inputs: [Part.value("x", [4]), Part.value("s", [2], type: 7)], outputs: [Part.value("y", nil)]))
        let shape = Tensor(TensorType(.int64, [2]), [Int64(2), 2])
        let imported = try importing(model, bindings: ["s": shape])
        #expect(imported.fixedInputs == ["s"])
        #expect(imported.graph.inputs.map { imported.graph[$0].name } == ["x", "s"])
        #expect(imported.ops == ["reshape", "cast", "add"])
        #expect(complaint(model)?.contains("node 'Reshape of 'r'' (Reshape, opset 17): its operand 'shape' decides the shape of the result") == true)
    }

    @Test func nodesThatNoOutputNeedsAreLeftOut() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Unheard", ["x"], ["z"]), Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", [1])],
                    outputs: [Part.value("y", nil)])))
        #expect(imported.ops == ["unary"])
    }

    @Test func initialisersOfOldModelsAreDefaultsOfInputs() throws {
        let model = Part.model(
            Part.graph(
                [Part.node("Add", ["x", "w"], ["y"])], inputs: [Part.value("x", [2]), Part.value("w", [2])], outputs: [Part.value("y", nil)],
                initializers: [Part.tensor("w", [2], [1, 2])]))
        let imported = try importing(model)
        #expect(imported.graph.inputs.count == 1)
        #expect(try importing(model, inputs: ["w": [2]]).graph.inputs.count == 2)
        #expect(try imported.run(["x": Tensor([1, 1] as [Float], shape: [2])])["y"]!.floatArray == [2, 3])
    }

    @Test func largeMasksStaySmall() throws {
        let mask = (0..<64).map { $0 % 8 > $0 / 8 ? -Float.infinity : 0 }
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Add", ["x", "mask"], ["m"]), Part.node("Softmax", ["m"], ["p"]), Part.node("Add", ["p", "same"], ["y"])],
                    inputs: [Part.value("x", [8, 8])],
                    outputs: [Part.value("y", nil)],
                    initializers: [Part.tensor("mask", [8, 8], mask), Part.tensor("same", [8, 8], [Float](repeating: 2, count: 64))])))
        #expect(imported.ops == ["constant", "triangle", "add", "softmax", "constant", "add"])
        let result = try imported.run(["x": Tensor([Float](repeating: 1, count: 64), shape: [8, 8])])["y"]!.floatArray
        #expect(zip(result, mask.indices).allSatisfy { abs($0 - 2 - ($1 % 8 > $1 / 8 ? 0 : 1 / Float($1 / 8 + 1))) < 1e-6 })
    }

    @Test func channelVectorsStayVectors() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Mul", ["x", "w"], ["y"])], inputs: [Part.value("x", [1, 2, 1, 1])], outputs: [Part.value("y", nil)],
                    initializers: [Part.tensor("w", [2, 1, 1], [3, 4])])))
        #expect(imported.ops == ["reshape", "multiply"])
        #expect(imported.graph.parameter("w").map(imported.graph.type) == TensorType(.float32, [2]))
    }

    @Test func halfPrecisionWeightsOfKernelsInFloat32AreReadAsTheyAre() throws {
        let imported = try importing(
            Part.model(
                Part.graph(
                    [Part.node("Conv", ["x", "w"], ["y"])], inputs: [Part.value("x", [1, 1, 2, 2], type: 10)], outputs: [Part.value("y", nil, type: 10)],
                    initializers: [
                        Part.tensor("w", [1, 1, 1, 1], raw: [0, 0x3c], type: 10), Part.tensor("v", [1, 1, 1, 2], raw: [0, 0x3c, 0, 0x40], type: 10),
                    ])))
        #expect(imported.ops == ["cast", "conv2d", "cast"])
        #expect(imported.parameters.type(of: "w") == TensorType(.float16, [1, 1, 1, 1]))
        #expect(imported.graph.parameter("w").map(imported.graph.type) == TensorType(.float32, [1, 1, 1, 1]))
    }
}
