import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphIR
import GraphViews
import Tensors

/// What `inspect` tells of a model; as JSON, what is not known is left out.
struct ModelDescription: Codable {
    struct Network: Codable {
        struct Value: Codable {
            var name: String
            var type: String
        }

        var name: String
        var parameters: Int
        /// Bytes of the parameters in the file.
        var storedBytes: Int
        var nodes: Int
        /// Of one run, as the graph stands in the file.
        var flop: Int
        var inputs: [Value]
        var outputs: [Value]

        init(_ graph: Graph, in file: ModelFile) {
            name = graph.name
            parameters = graph.parameters.reduce(0) { $0 + graph.type($1).elementCount }
            storedBytes = graph.parameters.reduce(0) { $0 + (file.type(of: graph[$1].name)?.byteCount ?? 0) }
            nodes = graph.order.count
            flop = graph.floatingPointOperations
            inputs = graph.inputs.map { Value(name: graph[$0].name, type: graph.type($0).description) }
            outputs = graph.outputs.map { Value(name: $0.name, type: graph.type($0.value).description) }
        }
    }

    /// Of a DeblurDiff.
    struct Restoration: Codable {
        var vocabulary: Bool
        /// Images are padded to multiples of so many pixels.
        var imageMultiple: Int
        /// Image pixels along a side of a latent position.
        var latentFactor: Int
        /// Of the sampler, where `run` is given none.
        var steps: Int
        var configuration: ModelConfiguration
    }

    var schema = "deblurdiff.model/1"
    var path: String
    var bytes: Int
    var formatVersion: Int
    /// As results name the model that made them.
    var digest: String
    var provenance: Provenance
    var restoration: Restoration?
    var networks: [Network]
    /// The planned programs, where sizes are known.
    var programs: GraphSummary?
    var planningSeconds: Double?

    init(_ file: ModelFile) throws {
        path = file.path
        bytes = fileSize(file.path)
        formatVersion = file.version
        digest = file.digest
        provenance = file.provenance
        let (kind, graphs) = (file.kind, try file.kind.graphs(file))
        restoration = try kind.restoration(file)
        networks = try (kind.shownGraphs?(file) ?? graphs.keys.sorted()).compactMap { graphs[$0] }.map { Network($0, in: file) }
    }

    func text() -> String {
        var text = "\(path): format \(formatVersion), \(Units.bytes(bytes))\n  converted by \(provenance.converter)\n  digest \(digest)\n"
        for source in provenance.sources { text += "  from \(source.name), \(Units.bytes(source.size)), sha256 \(source.sha256)\n" }
        if let restoration {
            if restoration.configuration.system != .released { text += "  system: \(restoration.configuration.system.title)\n" }
            text += "  vocabulary: \(restoration.vocabulary ? "included" : "none; only the empty prompt")\n"
            text += "  images: multiples of \(restoration.imageMultiple) pixels, \(restoration.latentFactor) to a latent position\n"
            text += "  steps: \(restoration.steps) where 'run' is given no --steps\n\n"
            text += networkTable
        } else {
            for network in networks {
                text += "\n  graph \(network.name): \(network.parameters) parameters, \(network.nodes) ops\n"
                for input in network.inputs { text += "    input \(input.name) : \(input.type)\n" }
                for output in network.outputs { text += "    output \(output.name) : \(output.type)\n" }
            }
        }
        if let programs { text += String(format: "\nPlanned in %.2f s.\n", planningSeconds ?? 0) + programs.text() }
        return text
    }

    private var networkTable: String {
        var text = "  network          parameters      stored    ops      GFLOP   inputs\n"
        for network in networks {
            let inputs = network.inputs.prefix(3).map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            text += "  " + network.name.padding(toLength: 14, withPad: " ", startingAt: 0)
            text += String(
                format: "%11.2f M %11@ %6d %10.1f   ", Double(network.parameters) / 1e6, Units.bytes(network.storedBytes) as NSString, network.nodes,
                Double(network.flop) / 1e9)
            text += inputs + (network.inputs.count > 3 ? ", ...\n" : "\n")
        }
        return text
    }
}
