import Files
import Foundation
import Tensors

/// Seconds that kernels took on machines, kept in a small JSON file between runs.
///
/// The file is a cache: what cannot be read, or is no time, counts as not measured.
struct KernelTimings {
    private struct Contents: Codable {
        var schema = KernelTimings.schema
        /// By processor and instruction set, by problem, by kernel.
        var machines: [String: [String: [String: Double]]] = [:]
    }

    private static let schema = "deblurdiff.kernels/1"
    private static let mostBytes = 4 << 20

    let path: String
    let machine: String
    private var measured: [String: [String: Double]]

    /// - Parameter machine: processor and instruction set; timings of others are not looked at.
    init(path: String, machine: String = KernelTimings.thisMachine) {
        self.path = path
        self.machine = machine
        measured = KernelTimings.read(path).machines[machine] ?? [:]
    }

    /// `$XDG_CACHE_HOME/deblurdiff/kernels.json`, or below `~/.cache`; nil where there is no home.
    static var standardPath: String? { FilePath.inCache("kernels.json") }

    static var thisMachine: String { "\(processorName), \(InstructionSet.current.rawValue)" }

    private static var processorName: String {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown processor" }
        func field(_ name: String) -> String? {
            text.split(separator: "\n").first { $0.hasPrefix(name + "\t") || $0.hasPrefix(name + " :") || $0.hasPrefix(name + ":") }
                .flatMap { $0.split(separator: ":", maxSplits: 1).last }.map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let name = field("model name") ?? "unknown processor"
        guard let family = field("cpu family"), let model = field("model") else { return name }
        return "\(name) family \(family) model \(model)"
    }

    private static func read(_ path: String) -> Contents {
        guard let file = try? MappedFile(path: path), file.byteCount <= mostBytes,
            let contents = file.withBytes({ try? JSONDecoder().decode(Contents.self, from: Data($0)) }), contents.schema == schema
        else { return Contents() }
        return contents
    }

    subscript(problem: String) -> [String: Double] { (measured[problem] ?? [:]).filter { $0.value > 0 && $0.value < 1e6 } }

    /// Takes up a measurement and writes the file, with what others have put into it meanwhile. A file that cannot be written is no reason to fail: the times
    /// are used all the same, and taken again by the next run.
    mutating func record(_ seconds: [String: Double], of problem: String) {
        measured[problem] = seconds
        try? write()
    }

    private func write() throws {
        var contents = KernelTimings.read(path)
        contents.machines[machine, default: [:]].merge(measured) { $1 }
        try FilePath.makeFolder(FilePath.folder(of: path))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let writer = try AtomicFileWriter(path: path)
        try writer.write(Array(try encoder.encode(contents)))
        try writer.commit()
    }
}

extension MachineLimits {
    /// Processor and instruction set, by which times that were taken are kept.
    public static var machineName: String { KernelTimings.thisMachine }
}
