import Files
import Foundation
import Tensors

/// Seconds that kernels took on this machine, kept between runs.
struct KernelTimings {
    private let file: MeasurementFile<Double>
    private var measured: [String: [String: Double]]

    /// - Parameter machine: processor and instruction set; timings of others are not looked at.
    init(path: String, machine: String = KernelTimings.thisMachine) {
        file = MeasurementFile(path: path, schema: "deblurdiff.kernels/1", machine: machine)
        measured = file.read()
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

    subscript(problem: String) -> [String: Double] { (measured[problem] ?? [:]).filter { $0.value > 0 && $0.value < 1e6 } }

    /// Takes up a measurement and writes the file.
    mutating func record(_ seconds: [String: Double], of problem: String) {
        measured[problem] = seconds
        file.add(measured)
    }
}

extension MachineLimits {
    /// Processor and instruction set, by which times that were taken are kept.
    public static var machineName: String { KernelTimings.thisMachine }
}
