import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import ONNX
import Operators
import Tensors
import Testing

/// Every op is written as an ONNX model that the checker takes, and read again.
@Suite struct OpExportTests {
    @Test(arguments: OpSamples.all.map(\.text)) func comesBack(_ text: String) throws {
        // Inputs of ONNX models have no layout.
        let text = text.contains("convert_layout") ? text : text.replacing("@channels_last", with: "")
        let graph = try GraphParser.parse(text, registry: .standard)
        let ops = graph.order.map { graph[$0].op }
        #expect(ops.allSatisfy { $0 is any ExportableOp })
        let isOurs = ops.contains { ($0 as? any ExportableOp)?.isStandard == false }
        let runner = SeededRunner(seed: SmallNetworks.seed)
        // Moments that are made up are not those of the image, which is what ONNX is told to take them of; and no kernel takes all attributes together.
        let numbers = text.contains(", moments]") || text.contains("groups = 2, upsampling = 2") ? nil : try runner.run(graph)
        for inlines in [false, true] {
            var options = ONNXExportOptions()
            options.inlinesFunctions = inlines
            try withScratchFolder { folder in
                let path = "\(folder)/model.onnx"
                try ONNXExport.write(graph, parameters: SmallNetworks.Weights(graph), to: path, options: options)
                let back = try ONNXModel.load(path).importGraph()
                // An output in another layout is converted on the way out.
                if isOurs, !inlines, graph.outputs.allSatisfy({ graph.type($0.value).layout == .rowMajor }) {
                    let table = GraphStructure.Numbers()
                    let differences = GraphStructure.differences(
                        GraphStructure(graph, numbers: table) { $0 }, GraphStructure(back.graph, numbers: table) { $0 })
                    #expect(differences.isEmpty, "\(differences)")
                }
                guard let numbers else { return }
                let found = try SmallNetworks.run(back.graph, back.parameters)
                for (name, tensor) in numbers {
                    let error = try TensorDifference.relative(found[name]!, tensor)
                    #expect(error <= 1e-5, "\(name) differs by \(error)")
                }
            }
        }
    }
}

/// Tensors of any type, compared as float64.
private enum TensorDifference {
    static func relative(_ a: Tensor, _ b: Tensor) throws -> Double {
        guard a.type.elementType == b.type.elementType, a.shape == b.shape else { return .infinity }
        func doubles(_ tensor: Tensor) throws -> [Double] {
            let wide = try OpEvaluator.evaluate(Cast(to: .float64), [tensor.type.layout == .rowMajor ? tensor : rowMajor(tensor)])[0]
            return wide.withElements(Array.init)
        }
        let (x, y) = (try doubles(a), try doubles(b))
        let magnitude = y.reduce(1e-30) { $1.isFinite ? max($0, abs($1)) : $0 }
        return zip(x, y).reduce(0) { worst, pair in
            pair.0 == pair.1 || (pair.0.isNaN && pair.1.isNaN) ? worst : max(worst, abs(pair.0 - pair.1) / magnitude)
        }
    }

    private static func rowMajor(_ tensor: Tensor) throws -> Tensor { try OpEvaluator.evaluate(ConvertLayout(layout: .rowMajor), [tensor])[0] }
}
