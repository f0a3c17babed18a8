import Files
import Foundation
import GraphIR
import GraphPasses
import GraphTestSupport
import ONNX
import Operators
import TensorFiles
import Tensors

/// Writes the chains of ``ChainCases`` as ONNX models, as imported and optimised, each with its inputs and what it gives, for another runtime to compute.
enum ChainExport {
    /// Returns how many were written.
    static func write(to folder: String) throws -> Int {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var names: [String] = []
        for shape in ChainCases.shapes {
            for chain in try ChainCases.all(shape) {
                let path = FilePath.join(folder, "\(names.count)")
                let graph = chain.graph
                // Opset 17 has no such padding.
                guard !graph.order.contains(where: { (graph[$0].op as? Pad)?.mode == .wrap }) else { continue }
                for (stage, graph) in [("imported", graph), ("optimized", try optimize(graph).graph)] {
                    try ONNXExport.write(graph, parameters: SeededParameters(graph), to: "\(path).\(stage).onnx")
                }
                let inputs = try SeededRunner.inputs(of: graph).map { (name: "in.\($0.key)", tensor: $0.value) }
                let outputs = try SeededRunner().run(graph) { $0.packsWeights = false }.map { (name: "out.\($0.key)", tensor: $0.value) }
                try TensorFile.write((inputs + outputs).sorted { $0.name < $1.name }, to: "\(path).safetensors")
                names.append(chain.name)
            }
        }
        try Data(names.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: FilePath.join(folder, "names.txt")))
        return names.count
    }
}
