import ArgumentParser
import Diffusion
import Foundation
import GraphIR
import ModelFile
import ModelImport
import Tensors

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what is in a converted model: networks, parameters, sizes, where it came from.")

    @Argument(help: ArgumentHelp("The converted model.", valueName: "model"))
    var model: String

    func run() throws {
        let file = try ModelFile(path: model)
        let graphs = try DeblurDiffModel.graphs(in: file)
        print("\(model): format \(ModelFile.formatVersion), \(formatBytes(try fileSize(model)))")
        print("  converted by \(file.provenance.converter)")
        for source in file.provenance.sources {
            print("  from \(source.name), \(formatBytes(source.size)), sha256 \(source.sha256)")
        }
        print("  vocabulary: \(file.mergesText == nil ? "none; only the empty prompt" : "included")")
        print("  images: multiples of \(file.configuration.imageMultiple) pixels, \(file.configuration.latentFactor) to a latent position\n")
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
