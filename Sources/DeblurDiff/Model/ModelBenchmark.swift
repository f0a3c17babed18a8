import Foundation
import GraphRuntime
import Tensors

/// Times the programs of a model on made-up images.
public struct ModelBenchmark {
    /// One program's times.
    public struct Result: Codable, Sendable {
        public var program: String
        /// Work of the graph as it was imported, so that doing less counts as being faster.
        public var gigaFLOP: Double
        public var seconds: [Double]
        public var arenaBytes: Int

        public var median: Double {
            let sorted = seconds.sorted()
            return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        }
        public var gigaFLOPPerSecond: Double { median > 0 ? gigaFLOP / median : 0 }
    }

    public static let programs = ["vae_encoder", "step", "vae_decoder"]

    /// - `runs`: how many are counted, behind one that is not.
    /// - `observation`: asked for an observer of each run of a program.
    /// - `finished`: told the result of each.
    public static func run(
        _ model: DeblurDiffModel, programs: [String] = programs, height: Int, width: Int, runs: Int,
        observation: (_ program: Program, _ name: String) -> ((Program.StepReport) throws -> Void)?,
        finished: (Result) throws -> Void
    ) throws {
        var random = TorchGenerator(seed: 1)
        for name in programs {
            let stages = try model.stages(of: name, height: height, width: width)
            let program = try model.program(stages.optimized)
            let inputs = stages.optimized.inputs.map { id -> (String, Tensor) in
                let value = stages.optimized[id]
                let isFloat = value.type.elementType == .float32
                return (value.name, isFloat ? Tensor(value.type, random.randn(value.type.elementCount)) : Tensor(value.type))
            }
            let bound = Dictionary(uniqueKeysWithValues: inputs)
            var result = Result(
                program: name, gigaFLOP: Double(stages.imported.floatingPointOperations) / 1e9, seconds: [],
                arenaBytes: program.plan.memory.arenaByteCount)
            let workspace = Workspace()
            for run in 0...runs {
                let start = DispatchTime.now().uptimeNanoseconds
                _ = try program.run(bound, in: workspace, observer: observation(program, name))
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
                if run > 0 { result.seconds.append(seconds) }
            }
            try finished(result)
        }
    }
}
