import ArgumentParser
import Diffusion
import Foundation
import GraphIR
import GraphViews
import ModelFile
import ModelImport
import Tensors

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what is in a converted model: networks, parameters, sizes, where it came from.")

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Also plan the programs for an image of this size, and show what they take.", valueName: "WxH"))
    var size: ImageSize?

    @Flag(help: "With --size, print the summary of the programs as JSON.")
    var json = false

    @OptionGroup var optimization: OptimizationFlags

    func run() throws {
        let file = try ModelFile(path: source.path())
        guard file.configuration != nil else { return try describeGraphs(file) }
        if let size, json { return print(try summary(file, size).json(), terminator: "") }
        try describe(file)
        if let size {
            print("")
            print(try summary(file, size).text(), terminator: "")
        }
    }

    /// The three programs of a run, from the size alone to their plans.
    private func summary(_ file: ModelFile, _ size: ImageSize) throws -> GraphSummary {
        let model = try openModel(file.path, optimization)
        let start = ContinuousClock.now
        var subjects: [GraphSummary.Subject] = []
        for name in ["vae_encoder", "step", "vae_decoder"] {
            let stages = try model.stages(of: name, height: size.height, width: size.width)
            let program = try model.program(stages.optimized)
            subjects.append(
                GraphSummary.Subject(
                    before: stages.imported, after: stages.optimized, memory: MemoryPicture(program), passes: stages.passSummaries))
        }
        if !json { print(String(format: "Planned for %d x %d in %.2f s.", size.width, size.height, start.duration(to: .now) / .seconds(1))) }
        return GraphSummary(subjects)
    }

    private func describeOrigin(_ file: ModelFile) throws {
        print("\(file.path): format \(file.version), \(formatBytes(try fileSize(file.path)))")
        print("  converted by \(file.provenance.converter)")
        for source in file.provenance.sources {
            print("  from \(source.name), \(formatBytes(source.size)), sha256 \(source.sha256)")
        }
    }

    /// A file of other graphs than DeblurDiff's. Their sizes are fixed, so their programs can be planned at once.
    private func describeGraphs(_ file: ModelFile) throws {
        guard size == nil else {
            throw InputError("the sizes of its graphs are fixed", at: file.path, advice: "--size is for DeblurDiff models; leave it out.")
        }
        let staged = try openModel(file.path, optimization)
        let subjects = try staged.graphNames.map { name in
            let stages = try staged.stages(of: name, height: 0, width: 0)
            return GraphSummary.Subject(
                before: stages.imported, after: stages.optimized, memory: MemoryPicture(try staged.program(stages.optimized)),
                passes: stages.passSummaries)
        }
        if json { return print(try GraphSummary(subjects).json(), terminator: "") }
        try describeOrigin(file)
        for case let graph? in subjects.map(\.before) {
            print("\n  graph \(graph.name): \(graph.parameters.count) parameters, \(graph.order.count) ops")
            for id in graph.inputs { print("    input \(graph[id].name) : \(graph.type(id))") }
            for output in graph.outputs { print("    output \(output.name) : \(graph.type(output.value))") }
        }
        print("")
        print(GraphSummary(subjects).text(), terminator: "")
    }

    private func describe(_ file: ModelFile) throws {
        let graphs = try DeblurDiffModel.graphs(in: file)
        let configuration = file.configuration!
        try describeOrigin(file)
        print("  vocabulary: \(file.mergesText == nil ? "none; only the empty prompt" : "included")")
        print("  images: multiples of \(configuration.imageMultiple) pixels, \(configuration.latentFactor) to a latent position")
        print("  steps: \(RestorationOptions(defaultsOf: configuration).steps) where 'run' is given no --steps\n")
        print("  network          parameters      stored    ops      GFLOP   inputs")
        for name in DeblurDiffArchitecture.graphNames {
            guard let graph = graphs[name] else { continue }
            let count = graph.parameters.reduce(0) { $0 + graph.type($1).elementCount }
            let bytes = graph.parameters.reduce(0) { $0 + (file.type(of: graph[$1].name)?.byteCount ?? 0) }
            let inputs = graph.inputs.prefix(3).map { "\(graph[$0].name) \(graph.type($0).shape)" }.joined(separator: ", ")
            print(
                "  " + name.padding(toLength: 14, withPad: " ", startingAt: 0)
                    + String(
                        format: "%11.2f M %11@ %6d %10.1f   ", Double(count) / 1e6, formatBytes(bytes) as NSString, graph.order.count,
                        Double(graph.floatingPointOperations) / 1e9) + inputs + (graph.inputs.count > 3 ? ", ..." : ""))
        }
    }
}
