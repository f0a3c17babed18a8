import Files
import Foundation
import GraphTestSupport
import ONNX
import Tensors
import Testing

@Suite struct MalformedModelTests {
    private func model(
        _ nodes: [WireMessage], inputs: [WireMessage]? = nil, outputs: [WireMessage]? = nil, initializers: [WireMessage] = [],
        functions: [WireMessage] = []
    ) -> WireMessage {
        Part.model(
            Part.graph(
                nodes, inputs: inputs ?? [Part.value("x", [2, 2])], outputs: outputs ?? [Part.value("y", nil)], initializers: initializers),
            functions: functions)
    }

    @Test func unknownOperatorsAreNamedAllAtOnce() {
        let complaint = complaint(
            model([
                Part.node("Foo", ["x"], ["a"], name: "first"), Part.node("Bar", ["a"], ["b"], domain: "elsewhere"), Part.node("Foo", ["b"], ["y"]),
            ]))
        #expect(
            complaint == """
                2 operators are not supported
                  Foo (opset 17): nodes 'first', 'Foo of 'y''
                  elsewhere.Bar: node 'Bar of 'b''
                """)
    }

    @Test func whatIsMissingIsNamed() {
        #expect(complaint(model([Part.node("Relu", ["z"], ["y"], name: "n")])) == "node 'n' (Relu, opset 17): the node reads 'z', which nothing makes")
        #expect(complaint(model([Part.node("Relu", ["x"], ["h"])])) == "an output reads 'y', which nothing makes")
        #expect(complaint(model([Part.node("Add", ["x"], ["y"], name: "n")])) == "node 'n' (Add, opset 17): its operand 1 is missing")
        #expect(complaint(model([], outputs: [])) == "the graph has no outputs")
    }

    @Test func cyclesAreRefused() {
        let complaint = complaint(model([Part.node("Add", ["x", "b"], ["a"], name: "n"), Part.node("Relu", ["a"], ["b"]), Part.node("Relu", ["b"], ["y"])]))
        #expect(complaint?.hasPrefix("node 'n' (Add, opset 17): the node reads 'b' before it is made") == true)
    }

    @Test func namesAreUsedOnce() {
        #expect(
            complaint(model([Part.node("Relu", ["x"], ["y"], name: "a"), Part.node("Relu", ["x"], ["y"], name: "b")])) == "node 'b': two values are named 'y'")
        #expect(complaint(model([Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", [1]), Part.value("x", [1])])) == "two inputs are named 'x'")
        #expect(
            complaint(model([Part.node("Relu", ["x"], ["y"])], initializers: [Part.tensor("w", [], [1]), Part.tensor("w", [], [1])]))
                == "two initialisers are named 'w'")
        #expect(
            complaint(model([Part.node("Relu", ["x"], ["y"])], outputs: [Part.value("y", nil), Part.value("y", nil)]))
                == "two outputs are named 'y'")
    }

    @Test func typesThatDoNotFitAreRefused() {
        #expect(
            complaint(model([Part.node("Add", ["x", "i"], ["y"], name: "n")], initializers: [Part.tensor("i", [2], integers: [1, 2])]))?
                .contains("element types differ") == true)
        #expect(
            complaint(model([Part.node("Relu", ["x"], ["y"])], outputs: [Part.value("y", [2, 2], type: 7)]))
                == "output 'y' is declared as i64, but is f32[2, 2]")
        #expect(
            complaint(model([Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", [2], type: 8)]))
                == "input 'x': the element type string is not supported")
        #expect(
            complaint(model([Part.node("Softmax", ["x"], ["y"], name: "n", ["axis": .text("last")])]))
                == "node 'n' (Softmax, opset 17): its attribute 'axis' must be an integer")
        #expect(
            complaint(model([Part.node("Conv", ["x", "x"], ["y"], name: "n")]))?.hasPrefix("node 'n' (Conv, opset 17): weights f32[2, 2]") == true)
    }

    @Test func openSizesAreListed() {
        let open = model(
            [Part.node("Add", ["x", "z"], ["y"])], inputs: [Part.value("x", ["N", 3]), Part.value("z", nil)])
        #expect(
            complaint(open) == """
                the sizes of 2 inputs are not fixed
                  Give them: `inputs` x=Nx3  (N x 3)
                  `inputs` z=...  (of unknown rank)
                """)
        #expect(complaint(open, inputs: ["x": [2, 3], "z": [3]]) == nil)
        #expect(complaint(open, inputs: ["x": [2, 4], "z": [3]]) == "input 'x': is declared as N x 3, which cannot be [2, 4]")
        #expect(complaint(open, inputs: ["q": [1]]) == "the model has no input 'q'\n  Its inputs: x, z")
    }

    @Test(arguments: [[1 << 40, 1 << 40], [1 << 62], [-1], [1 << 21, 1 << 21], [0, 1 << 31, 1 << 31, 1 << 31]]) func hugeSizesAreRefused(_ dimensions: [Int]) {
        for initializer in [Part.tensor("w", dimensions, [1]), Part.tensor("w", dimensions, raw: [])] {
            #expect(complaint(model([Part.node("Add", ["x", "w"], ["y"])], initializers: [initializer]))?.contains("initialiser 'w'") == true)
        }
        #expect(complaint(model([Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", dimensions)])) != nil)
        #expect(complaint(model([Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", nil)]), inputs: ["x": Shape(dimensions)]) != nil)
    }

    @Test func constantsThatGrowAreRefused() {
        let sizes = Part.tensor("s", [4], integers: [1 << 20, 1 << 20, 1 << 20, 1 << 20])
        for nodes in [
            [Part.node("ConstantOfShape", ["s"], ["y"])], [Part.node("Expand", ["x", "s"], ["y"])], [Part.node("Tile", ["x", "s2"], ["y"])],
            [Part.node("Range", ["zero", "far", "one"], ["y"])],
            // The numbers are asked for, and would be 2^33 of them.
            [
                Part.node("ConstantOfShape", ["large"], ["c"]), Part.node("NonZero", ["c"], ["y"]),
            ],
        ] {
            let complaint = complaint(
                model(
                    nodes,
                    initializers: [
                        sizes, Part.tensor("s2", [2], integers: [1 << 40, 1 << 40]), Part.tensor("zero", [], integers: [0]),
                        Part.tensor("one", [], integers: [1]), Part.tensor("far", [], integers: [.max]), Part.tensor("large", [1], integers: [1 << 33]),
                    ]))
            #expect(complaint?.contains("node '") == true)
        }
    }

    @Test func initialisersHoldWhatTheyDeclare() {
        func refused(_ initializer: WireMessage) -> String? { complaint(model([Part.node("Add", ["x", "w"], ["y"])], initializers: [initializer])) }
        #expect(refused(Part.tensor("w", [2], [1, 2, 3]))?.contains("is f32[2], which takes 8 bytes; 12 are there") == true)
        #expect(refused(Part.tensor("w", [3], integers: [1, 2]))?.contains("is i64[3], but holds 2 int64 numbers") == true)
        #expect(refused(Part.tensor("w", [1], raw: [1], type: 8))?.contains("the element type string is not supported") == true)
        var sparse = Part.graph([Part.node("Relu", ["x"], ["y"])], inputs: [Part.value("x", [1])], outputs: [Part.value("y", nil)])
        sparse.message(15, WireMessage())
        #expect(complaint(Part.model(sparse))?.contains("is sparse, which is not supported") == true)
    }

    @Test func functionsThatCallThemselvesAreRefused() {
        let call = Part.node("F", ["a"], ["b"], name: "again", domain: "own")
        let complaint = complaint(
            model(
                [Part.node("F", ["x"], ["y"], name: "call", domain: "own")],
                functions: [Part.function("F", inputs: ["a"], outputs: ["b"], [call])]))
        #expect(complaint?.contains("the function 'F' calls itself") == true)
    }

    @Test func functionsThatUnfoldWithoutEndAreRefused() {
        // Each calls the next twice: 2^40 nodes in all.
        let functions = (0..<40).map { index in
            Part.function(
                "F\(index)", inputs: ["a"], outputs: ["c"],
                [
                    Part.node(index == 39 ? "Relu" : "F\(index + 1)", ["a"], ["b"], domain: index == 39 ? "" : "own"),
                    Part.node(index == 39 ? "Relu" : "F\(index + 1)", ["b"], ["c"], domain: index == 39 ? "" : "own"),
                ])
        }
        let complaint = complaint(model([Part.node("F0", ["x"], ["y"], domain: "own")], functions: functions))
        #expect(complaint?.contains("unfolds to more than") == true)
    }

    @Test func branchesAreNotTooDeep() {
        var deep = Part.graph([Part.node("Relu", ["x"], ["y"])], outputs: [Part.value("y", nil)])
        for _ in 0..<200 { deep = Part.graph([Part.node("If", ["yes"], ["y"], ["then_branch": .graph(deep)])], outputs: [Part.value("y", nil)]) }
        #expect(complaint(Part.model(deep))?.contains("is no ONNX model") == true)
    }

    @Test func messagesOfManyEmptyPartsAreRefused() throws {
        // Two bytes a node, and more than a hundred in memory.
        var graph = WireMessage()
        for _ in 0..<100 { graph.message(1, WireMessage()) }
        let many = [[UInt8]](repeating: graph.bytes, count: 40_000).flatMap { $0 }
        var model = WireMessage()
        model.integer(1, 8)
        model.data(7, many)
        #expect(complaint(model)?.contains("unfold to far more") == true)
    }

    @Test func aModelThatIsCutShortIsRefused() throws {
        let bytes = model(
            [Part.node("Add", ["x", "w"], ["y"])], initializers: [Part.tensor("w", [2], [1, 2])]
        ).bytes
        try withScratchFolder { folder in
            let path = "\(folder)/model.onnx"
            for count in 0..<bytes.count {
                try Data(bytes[..<count]).write(to: URL(fileURLWithPath: path))
                // What ends at the end of a field is another model, not a broken one.
                do { _ = try ONNXModel.load(path).importGraph() } catch { #expect(error is InputError) }
            }
        }
    }

    @Test func damagedModelsDoNotCrash() throws {
        let bytes = model(
            [
                Part.node("Conv", ["i", "w"], ["c"], ["pads": .ints([1, 1, 1, 1])]), Part.node("Shape", ["c"], ["s"]),
                Part.node("Slice", ["s", "a", "b"], ["t"]), Part.node("Reshape", ["c", "t"], ["r"]), Part.node("Pad", ["r", "p"], ["q"]),
                Part.node("Resize", ["i", "", "f"], ["z"]), Part.node("TopK", ["q", "k"], ["y", "n"]),
            ], inputs: [Part.value("i", [1, 1, 4, 4])], outputs: [Part.value("y", nil), Part.value("z", nil)],
            initializers: [
                Part.tensor("w", [1, 1, 3, 3], [Float](repeating: 1, count: 9)), Part.tensor("a", [1], integers: [0]), Part.tensor("b", [1], integers: [4]),
                Part.tensor("p", [8], integers: [0, 0, 0, 1, 0, 0, 0, 1]), Part.tensor("f", [4], [1, 1, 2, 2]), Part.tensor("k", [1], integers: [2]),
            ]
        ).bytes
        var generator = TestGenerator(state: 7)
        try withScratchFolder { folder in
            let path = "\(folder)/model.onnx"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            _ = try ONNXModel.load(path).importGraph()
            for _ in 0..<2000 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                try Data(damaged).write(to: URL(fileURLWithPath: path))
                do { _ = try ONNXModel.load(path).importGraph() } catch { #expect(error is InputError, "\(damaged)") }
            }
        }
    }
}

/// A small generator with a seed, so that what fails once fails again.
private struct TestGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    }
}
