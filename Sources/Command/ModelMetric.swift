import ArgumentParser
import Files
import Foundation
import GraphPasses
import GraphRuntime
import ImageMetrics
import ONNX
import Tensors

/// A metric that is an ONNX model of the user's: LPIPS, DISTS, MUSIQ, MANIQA, CLIP-IQA or another.
///
/// Its inputs are the image and, if there are two, the reference: [1, 3, height, width], float32, sRGB in 0...1; whatever else the network wants is in the graph. Its output is one number.
final class ModelMetric: Metric {
    let name: String
    let identity: String
    let needsReference: Bool
    let higherIsBetter: Bool
    let decimals = 4
    var title: String { name.uppercased() }
    private let model: ONNXModel
    private let inputs: [String]
    private let options: RuntimeOptions
    /// Programs by height and width; the newest last.
    private let programs = Locked<[(size: [Int], program: Program)]>([])
    private static let mostPrograms = 4

    /// - Throws: an `InputError` where the file is no such model.
    init(name: String, path: String, options: RuntimeOptions) throws {
        guard !name.isEmpty, !path.isEmpty, !StandardMetrics.all.contains(where: { $0.name == name }) else {
            throw ValidationError("--metric \(name)=\(path): give a name of its own and a file, as lpips=lpips.onnx.")
        }
        self.name = name
        self.options = options
        model = try ONNXModel.load(path)
        let ports = try model.inputs()
        inputs = ports.map(\.name)
        guard (1...2).contains(ports.count), try model.outputs().count == 1,
            ports.allSatisfy({ $0.elementType == .float32 && ($0.dimensions.map { $0.count == 4 && ($0[1] ?? 3) == 3 } ?? true) })
        else {
            throw InputError(
                "is no metric: its inputs must be one or two images, float32 [1, 3, height, width], its output one number", at: path,
                advice: "Tools/metrics/export.py makes such models.")
        }
        needsReference = ports.count == 2
        higherIsBetter = !["lpips", "dists"].contains(where: name.lowercased().hasPrefix)
        identity = "\(name) \(try MappedFile(path: path).sha256())"
    }

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        let images = needsReference ? [image.tensor, reference!.tensor] : [image.tensor]
        let program = try program(height: image.height, width: image.width)
        let bound = Dictionary(
            uniqueKeysWithValues: try zip(inputs, images).map { name, tensor in
                guard let input = program.graph.input(name) else { return (name, tensor) }
                let type = program.graph.type(input)
                guard type.shape == tensor.shape else { throw InputError("\(title) takes images of \(type.shape) only, not \(tensor.shape)", at: model.path) }
                return (name, tensor.converted(to: type.layout))
            })
        guard let output = try program.run(bound, in: Workspace()).values.first, output.shape.elementCount == 1 else {
            throw InputError("gives more than one number", at: model.path)
        }
        return output.withFloats { Double($0[0]) }
    }

    /// One thread makes a program, and the others wait for it.
    private func program(height: Int, width: Int) throws -> Program {
        try programs.withLock { programs in
            if let known = programs.first(where: { $0.size == [height, width] }) { return known.program }
            let shape = Shape([1, 3, height, width])
            let imported = try model.importGraph(inputs: Dictionary(uniqueKeysWithValues: inputs.map { ($0, shape) }))
            let optimized = try optimize(imported.graph, level: .standard, options: PipelineOptions()).graph
            let program = try Program(optimized, parameters: ParameterStore(source: imported.parameters, pool: options.pool), options: options)
            programs = programs.suffix(ModelMetric.mostPrograms - 1) + [([height, width], program)]
            return program
        }
    }
}
