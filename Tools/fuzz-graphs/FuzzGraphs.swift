import ArgumentParser
import Files
import Foundation
import GraphIR
import GraphTestSupport
import Tensors

/// Makes up graphs of all ops in all layouts and runs each as imported, optimised and hoisted. What differs by more than rounding is printed as small as it
/// can be made. A crash leaves the graph that caused it in the folder.
@main
struct FuzzGraphs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz-graphs", abstract: "Run random graphs in every way that must give the same numbers.")

    @Option(help: "How many graphs.")
    var count: UInt64 = 1000

    @Option(help: "The first seed; the others follow it.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Stop after so many graphs that fail.", valueName: "n"))
    var failures = 5

    @Option(help: ArgumentHelp("Where the graph that is tried is written.", valueName: "folder"))
    var work = "/tmp"

    @Flag(help: "Print the graph of the first seed, and try it alone.")
    var show = false

    @Option(help: ArgumentHelp("Write convolutions around every op as ONNX models instead, for Tools/onnx/chain_tests.py.", valueName: "folder"))
    var export: String?

    func run() throws {
        if let export { return print("\(try ChainExport.write(to: export)) chains written to \(export)") }
        var failed = 0
        var nodes = 0
        for seed in seed..<seed + (show ? 1 : count) where failed < failures {
            let graph = RandomGraph.make(seed: seed)
            nodes += graph.order.count
            if show { print(graph.text) }
            try Data("seed \(seed)\n\(graph.text)".utf8).write(to: URL(fileURLWithPath: FilePath.join(work, "graph.txt")))
            if let failure = RandomGraphFailure(seed: seed) {
                print(failure)
                failed += 1
            }
        }
        print("\(show ? 1 : count) graphs from seed \(seed), \(nodes) nodes: \(failed) differ")
        if failed > 0 { throw ExitCode.failure }
    }
}
