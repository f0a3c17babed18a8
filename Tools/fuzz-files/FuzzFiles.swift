import ArgumentParser
import Checkpoints
import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphIR
import GraphTestSupport
import Images
import Operators
import TensorFiles
import Tensors

/// Reads damaged files over and over. What must not happen is anything but a value or an ``InputError``: the process would end, and the last file it tried is
/// left in the folder.
@main
struct FuzzFiles: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz-files",
        abstract: "Read damaged files until the time is over. A crash leaves the file that caused it.",
        discussion: """
            The ending of a name says what reads the file: \(Reader.allCases.map { ".\($0.rawValue)" }.joined(separator: ", ")). \
            With sanitizers: Tools/sanitize.sh SECONDS files
            """)

    @Argument(help: ArgumentHelp("Files to start from, which are whole.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("Where the file that is tried is written.", valueName: "folder"))
    var work = "/tmp"

    @Option(help: "For how long, each kind of file.")
    var seconds = 60.0

    @Option(help: "Seed of the damages.")
    var seed: UInt64 = 1

    func run() throws {
        let corpus = try Dictionary(grouping: files) { path in
            guard let reader = Reader.allCases.first(where: { path.hasSuffix(".\($0.rawValue)") }) else { throw InputError("is of no known kind", at: path) }
            return reader
        }.mapValues { paths in
            try paths.map { path in
                try MappedFile(path: path).withBytes(Array.init)
            }
        }
        for reader in Reader.allCases {
            guard let seeds = corpus[reader] else { continue }
            let outcome = try fuzz(reader, seeds)
            print(
                "\(reader.rawValue): \(outcome.tried) files tried, \(outcome.tried - outcome.accepted) refused, \(outcome.accepted) read, "
                    + String(format: "the slowest in %.2f s", outcome.slowest))
            for (complaint, count) in outcome.complaints.sorted(by: { $0.value > $1.value }).prefix(12) { print("  \(count)  \(complaint.printable)") }
        }
        print("peak memory \(peakBytes() >> 20) MB")
    }

    private struct Outcome {
        var tried = 0
        var accepted = 0
        var slowest = 0.0
        var complaints: [String: Int] = [:]
    }

    private func fuzz(_ reader: Reader, _ seeds: [[UInt8]]) throws -> Outcome {
        var generator = SeededGenerator(state: seed)
        let path = FilePath.join(work, "tried.\(reader.rawValue)")
        let end = Date(timeIntervalSinceNow: seconds)
        var outcome = Outcome()
        while Date() < end {
            let bytes = Damage.damaged(seeds.randomElement(using: &generator)!, others: seeds, isPNG: reader == .png, &generator)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            outcome.tried += 1
            let start = ContinuousClock.now
            do {
                try reader.read(path)
                outcome.accepted += 1
            } catch let error as InputError {
                outcome.complaints[String(error.what.prefix(50)), default: 0] += 1
            }
            outcome.slowest = max(outcome.slowest, start.duration(to: .now) / .seconds(1))
        }
        return outcome
    }

    private func peakBytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}

/// What reads a file, by the ending of its name; longer endings first.
enum Reader: String, CaseIterable {
    case model = "ddiff.safetensors"
    case safetensors, pth, npy, npz, png, jpg, tif, webp, heic, avif, yaml, gz, graph

    /// Reads all that there is.
    func read(_ path: String) throws {
        switch self {
        case .model:
            let file = try ModelFile(path: path)
            _ = try file.allGraphs()
            _ = file.verify()
        case .safetensors, .pth:
            let file = try openCheckpoint(path)
            for name in file.names { try file.forEachPiece(of: name) { _ = $0.reduce(0) { $0 &+ Int($1) } } }
        case .npy, .npz: for (_, tensor) in try TensorFile.read(path) { _ = tensor.withBytes { $0.reduce(0) { $0 &+ Int($1) } } }
        case .png, .jpg, .tif, .webp, .heic, .avif: _ = try Photo(reading: path).encoded(as: PNGCodec())
        case .yaml: _ = try DeblurDiffArchitecture.graphs(ModelConfiguration(yaml: MappedFile(path: path).text()))
        case .gz: _ = try Tokenizer.readMerges(path)
        case .graph: _ = try GraphParser.parse(MappedFile(path: path).text(), registry: .standard).text
        }
    }
}
