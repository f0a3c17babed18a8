import DeblurDiff
import Files
import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import ONNX
import Operators
import Tensors
import Testing

@Suite struct ExportTests {
    /// How graphs are written: with functions, and with standard operators alone.
    enum Form: CaseIterable { case functions, inlined }

    private func options(_ form: Form, external: Bool = false) -> ONNXExportOptions {
        var options = ONNXExportOptions()
        options.inlinesFunctions = form == .inlined
        options.usesExternalData = external
        return options
    }

    /// Writes a graph (which ONNX's checker then accepts) and imports it again.
    private func roundTrip<R>(_ graph: Graph, _ options: ONNXExportOptions, _ body: (ImportedModel) throws -> R) throws -> R {
        try withScratchFolder { folder in
            try ONNXExport.write(graph, parameters: SmallNetworks.Weights(graph), to: "\(folder)/model.onnx", options: options)
            return try body(ONNXModel.load("\(folder)/model.onnx").importGraph())
        }
    }

    /// Only the graph's own nodes count, whatever they stand for; here they are counted in the written bytes.
    @Test(arguments: SmallNetworks.names, Form.allCases) func theReportCountsTheWrittenNodes(_ name: String, _ form: Form) throws {
        let graph = try SmallNetworks.graph(name)
        try withScratchFolder { folder in
            let path = "\(folder)/model.onnx"
            let report = try ONNXExport.write(graph, parameters: SmallNetworks.Weights(graph), to: path, options: options(form))
            let model = Array(try Data(contentsOf: URL(fileURLWithPath: path)))[...]
            let written = wireFields(model).filter { $0.number == 7 }.flatMap { wireFields($0.bytes) }.count { $0.number == 1 }
            #expect(report.nodeCount == written)
            #expect(form == .inlined ? written > graph.order.count : written >= graph.order.count)
        }
    }

    /// The fields of a protobuf message that have lengths, and as empty ones those that do not.
    private func wireFields(_ message: ArraySlice<UInt8>) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        var rest = message
        func integer() -> Int {
            var (value, shift) = (0, 0)
            while let byte = rest.popFirst() {
                value |= Int(byte & 127) << shift
                shift += 7
                if byte < 128 { break }
            }
            return value
        }
        var fields: [(number: Int, bytes: ArraySlice<UInt8>)] = []
        while !rest.isEmpty {
            let tag = integer()
            var length = 0
            switch tag & 7 {
            case 0: _ = integer()
            case 1: length = 8
            case 5: length = 4
            default: length = integer()
            }
            fields.append((tag >> 3, rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return fields
    }

    private func expectSameStructure(_ a: Graph, _ b: Graph) {
        let numbers = GraphStructure.Numbers()
        for difference in GraphStructure.differences(
            GraphStructure(a, numbers: numbers) { $0 }, GraphStructure(b, numbers: numbers) { $0 })
        {
            Issue.record(Comment(rawValue: difference))
        }
    }

    @Test(arguments: SmallNetworks.names, [false, true]) func functionsComeBackAsTheyWere(_ name: String, optimized: Bool) throws {
        let imported = try SmallNetworks.graph(name)
        let graph = optimized ? try optimize(imported).graph : imported
        try roundTrip(graph, options(.functions)) { back in
            expectSameStructure(graph, back.graph)
            #expect(back.graph.name == graph.name)
        }
    }

    /// What crosses between the stages of a step has layouts, which ONNX does not: conversions inside bring them back.
    @Test(arguments: ["prologue", "time_table", "step"], Form.allCases) func stagesOfAStepComeBack(_ name: String, _ form: Form) throws {
        let graph = try optimizeStep(SmallNetworks.graph("step"), hoisting: DenoisingStep.hoisting).graphs[name]
        try roundTrip(graph, options(form)) { back in
            #expect(back.graph.outputs.map(\.name) == graph.outputs.map(\.name))
            let (a, b) = (try SmallNetworks.run(graph, SmallNetworks.Weights(graph)), try SmallNetworks.run(back.graph, back.parameters))
            let complaints = OutputComparison.complaints(b, a)
            #expect(complaints.isEmpty, "\(complaints)")
            let again = try optimize(back.graph, options: PipelineOptions(verifies: true)).graph
            let optimized = OutputComparison.complaints(try SmallNetworks.run(again, back.parameters), a)
            #expect(optimized.isEmpty, "\(optimized)")
        }
    }

    /// Random graphs of all ops, read back.
    @Test(arguments: Form.allCases) func randomGraphsComeBack(_ form: Form) throws {
        var written = 0
        for seed in 0..<UInt64(60) {
            let graph = RandomGraph.make(seed: seed)
            let reference = try SmallNetworks.run(graph, SmallNetworks.Weights(graph))
            for stage in [graph, try optimize(graph).graph] {
                do {
                    try roundTrip(stage, options(form)) { back in
                        let complaints = OutputComparison.complaints(try SmallNetworks.run(back.graph, back.parameters), reference)
                        #expect(complaints.isEmpty, "seed \(seed): \(complaints)\n\(stage.text)")
                    }
                    written += 1
                } catch let error as InputError where error.description.contains("opset") { continue }
            }
        }
        // Of few graphs ONNX lacks an op.
        #expect(written > 100)
    }

    @Test(arguments: SmallNetworks.names) func standardOperatorsOptimiseToTheSame(_ name: String) throws {
        let graph = try SmallNetworks.graph(name)
        try roundTrip(graph, options(.inlined, external: true)) { back in
            expectSameStructure(try optimize(graph).graph, try optimize(back.graph, options: PipelineOptions(verifies: true)).graph)
        }
    }

    @Test(arguments: SmallNetworks.names) func optimisedStandardOperatorsComputeTheSame(_ name: String) throws {
        let graph = try optimize(SmallNetworks.graph(name)).graph
        try roundTrip(graph, options(.inlined)) { back in
            let (a, b) = (try SmallNetworks.run(graph, SmallNetworks.Weights(graph)), try SmallNetworks.run(back.graph, back.parameters))
            let difference = SeededRunner.largestRelativeDifference(a, b)
            #expect(difference <= 1e-4, "\(difference)")
        }
    }

    /// Values, parameters and outputs that share names, which ONNX does not allow.
    private let namesakes = """
        graph g {
          input %x : f32[2, 4]
          parameter @w : f32[4]
          %w = add(%x, @w) : f32[2, 4] from %a, %"b c"
          output y = %w
          output x = %w
          output w = %x
        }
        """

    @Test(arguments: Form.allCases) func keepsNamesApart(_ form: Form) throws {
        let graph = try GraphParser.parse(namesakes, registry: .standard)
        try roundTrip(graph, options(form)) { back in
            #expect(back.graph.outputs.map(\.name) == ["y", "x~2", "w"])
            let a = try SmallNetworks.run(graph, SmallNetworks.Weights(graph))
            let b = try SmallNetworks.run(back.graph, back.parameters)
            #expect([a["y"], a["x"], a["w"]].map { $0!.floatArray } == [b["y"], b["x~2"], b["w"]].map { $0!.floatArray })
            let add = try #require(back.graph.order.first { back.graph[$0].op is Add })
            #expect(back.graph[add].origins == ["a", "b c"])
        }
    }

    /// Tensors by key, stored as they are.
    private struct Stored: ParameterSource {
        var tensors: [String: Tensor]

        func parameter(_ key: String) throws -> Tensor {
            guard let tensor = tensors[key] else { throw InputError("there is no such tensor", at: key) }
            return tensor
        }
    }

    private let sum = """
        graph g {
          input %x : f32[3, 5]
          parameter @a : f32[3, 5]
          parameter @b : f32[5]
          %s = add(%x, @b) : f32[3, 5]
          %y = add(%s, @a) : f32[3, 5]
          output y = %y
        }
        """

    private func bfloat16(_ floats: [Float], _ shape: Shape) throws -> Tensor {
        try OpEvaluator.evaluate(Cast(to: .bfloat16), [Tensor(floats, shape: shape)])[0]
    }

    @Test(arguments: [false, true]) func widensParametersAndAlignsThem(external: Bool) throws {
        let (a, b) = ((0..<15).map { Float($0) / 4 }, (0..<5).map { Float($0) - 2 })
        let source = Stored(tensors: ["a": try bfloat16(a, [3, 5]), "b": try bfloat16(b, [5])])
        let graph = try GraphParser.parse(sum, registry: .standard)
        try withScratchFolder { folder in
            let report = try ONNXExport.write(graph, parameters: source, to: "\(folder)/m.onnx", options: options(.functions, external: external))
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == (external ? ["m.onnx", "m.onnx.data"] : ["m.onnx"]))
            #expect(report.paths.count == files.count)
            if external {
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/m.onnx.data"))
                #expect(data.count == 64 + 20)
            }
            let back = try ONNXModel.load("\(folder)/m.onnx").importGraph()
            let found = try back.parameters.parameter("a")
            #expect(found.floatArray == a)
        }
    }

    @Test(arguments: [false, true]) func leavesNothingBehindWhereAParameterIsMissing(external: Bool) throws {
        let graph = try GraphParser.parse(sum, registry: .standard)
        let wrong = Stored(tensors: ["a": Tensor([1, 2, 3] as [Float], shape: [3]), "b": Tensor([Float](repeating: 0, count: 5), shape: [5])])
        try withScratchFolder { folder in
            for source in [Stored(tensors: [:]), wrong] {
                #expect(throws: InputError.self) {
                    try ONNXExport.write(graph, parameters: source, to: "\(folder)/m.onnx", options: options(.functions, external: external))
                }
                let files = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(files.isEmpty)
            }
        }
    }
}
