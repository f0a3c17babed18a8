import ArgumentParser
import Files
import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import ONNX
import TensorFiles
import Tensors

struct ExecuteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "execute",
        abstract: "Run one graph on tensors from files: of a converted model, or of an ONNX model as it is.",
        discussion: """
            Tensors are .npy, .npz and .safetensors files. An input is NAME=FILE, a FILE with several by name, or, to be filled at random, \
            NAME=1x4x64x64. An output is NAME=FILE, or a FILE for all. Without --output, a summary of each output is printed.
            """)

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Which graph, where the model has several.", valueName: "name"))
    var graph: String?

    @Option(help: ArgumentHelp("For a DeblurDiff: size of the image in pixels.", valueName: "WxH"))
    var size = ImageSize.standard

    @Option(help: ArgumentHelp("A tensor, or several; may be repeated.", valueName: "name=file"))
    var input: [String] = []

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write a result, or all; may be repeated.", valueName: "name=file"))
    var output: [String] = []

    @Option(help: ArgumentHelp("Fill inputs that are not given: floats with normal random numbers, others with zeros.", valueName: "seed"))
    var randomSeed: UInt64?

    @Option(help: ArgumentHelp("Write what the inputs were.", valueName: "file"))
    var saveInputs: String?

    @Option(help: ArgumentHelp("Compare the outputs with the tensors of these names; the exit status tells.", valueName: "file"))
    var compare: String?

    @Option(help: "The relative error that is too much, of Euclidean norms.")
    var tolerance = 1e-4

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var runtime: RuntimeFlags

    @OptionGroup var memory: MemoryFlags

    func validate() throws {
        guard tolerance >= 0 else { throw ValidationError("--tolerance must not be negative.") }
    }

    func run() throws {
        let model = try source.path()
        let given = try GivenTensors(input)
        let targets = try output.map { argument -> (name: String?, path: String) in
            guard case .file(let name, let path) = try TensorArgument(argument) else { throw InputError("is no file", at: argument) }
            _ = try TensorFile.Format(path: path)
            return (name, path)
        }
        let read = try input.compactMap { if case .file(_, let path) = try TensorArgument($0) { path } else { nil } }
        try OutputFile.check(targets.map(\.path) + [saveInputs].compactMap { $0 }, reads: [model] + read + [compare].compactMap { $0 })
        let expected = try compare.map { try GivenTensors([$0]).tensors }

        var options = runtime.makeOptions()
        options.memoryLimit = memory.maxMemory?.byteCount
        let executable = try ExecutableGraph(
            path: model, graph: graph, size: size, given: given, options: options, optimization: runtime.optimization.options)
        try GraphInputs.check(executable.graph, given: given, randomSeed: randomSeed)
        for name in targets.compactMap(\.name) where executable.graph.output(name) == nil {
            throw InputError(
                "the graph has no output '\(name)'", at: model,
                advice: "Its outputs: " + executable.graph.outputs.map(\.name).joined(separator: ", "))
        }

        let optimized = try optimize(executable.graph, level: runtime.optimization.options.level, options: runtime.optimization.options.pipeline).graph
        let program = try Program(optimized, parameters: executable.parameters, options: options)
        let inputs = try GraphInputs.bind(executable.graph, given: given, randomSeed: randomSeed)
        if let saveInputs { try TensorFile.write(inputs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: saveInputs) }
        let start = DispatchTime.now().uptimeNanoseconds
        let results = try program.run(inputs, in: Workspace())
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
        let outputs = optimized.outputs.map { (name: $0.name, tensor: results[$0.name]!) }
        for (name, path) in targets { try TensorFile.write(outputs.filter { name == nil || $0.name == name }, to: path) }
        if !quiet { try report(outputs, seconds: seconds) }
        if let expected { try check(outputs, expected) }
    }

    private func report(_ outputs: [(name: String, tensor: Tensor)], seconds: Double) throws {
        for (name, tensor) in outputs {
            let summary = TensorSummary(tensor)
            let notFinite = summary.nonFiniteCount > 0 ? ", \(summary.nonFiniteCount) not finite" : ""
            try print("\(name) : \(tensor.type)" + String(format: "  min %g, mean %g, max %g", summary.minimum, summary.mean, summary.maximum) + notFinite)
        }
        try print("in " + formatDuration(seconds))
    }

    private func check(_ outputs: [(name: String, tensor: Tensor)], _ expected: [String: Tensor]) throws {
        let compared = outputs.filter { expected[$0.name] != nil }
        guard !compared.isEmpty else {
            throw InputError("holds none of the outputs: " + outputs.map(\.name).joined(separator: ", "), at: compare)
        }
        var failures: [String] = []
        for (name, tensor) in compared {
            do {
                let comparison = try TensorComparison(tensor, expected: expected[name]!)
                if !quiet {
                    try print("\(name): " + String(format: "relative error %.2e, largest difference %.2e", comparison.relativeError, comparison.largestError))
                }
                if !(comparison.relativeError <= tolerance) { failures.append("\(name): " + String(format: "%.2e", comparison.relativeError)) }
            } catch let error as InputError {
                throw error.at(name)
            }
        }
        guard failures.isEmpty else {
            throw InputError(
                "the relative error is more than \(tolerance): " + failures.joined(separator: ", "), at: compare)
        }
    }
}
