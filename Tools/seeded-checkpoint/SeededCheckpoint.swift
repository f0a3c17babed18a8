import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphTestSupport
import Tensors

/// Writes a checkpoint of the released form whose weights are pseudo-random, for demonstrations, tests and measurements.
@main
struct SeededCheckpoint: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seeded-checkpoint",
        abstract: "Write a checkpoint of the released form with pseudo-random weights. It is not trained and restores nothing.",
        discussion: "At the released sizes, which are used without --config, it is 7.2 GB large.")

    @Argument(help: ArgumentHelp("The checkpoint to write.", valueName: "file.safetensors"))
    var output: String

    @Option(help: ArgumentHelp("The networks' sizes, as the released code's YAML.", valueName: "file"))
    var config: String?

    @Option(help: "Seed of the weights.")
    var seed: UInt64 = 1

    func run() throws {
        let configuration = try config.map { try ModelConfiguration(yaml: MappedFile(path: $0).text()) } ?? .released
        let shapes = DeblurDiffArchitecture.parameterShapes(try DeblurDiffArchitecture.graphs(configuration))
        let keys = shapes.map { (key: $0.key, shape: $0.value) }.sorted { $0.key < $1.key }
        try writeSeededCheckpoint(keys: keys, seed: seed, to: output)
        let count = shapes.values.reduce(0) { $0 + $1.elementCount }
        print("Wrote \(output): \(keys.count) tensors, \(count) weights. They are pseudo-random: this is no trained model.")
    }
}
