import Files
import Foundation
import GraphIR
import GraphRuntime
import Operators
import Tensors

/// Runs graphs on numbers that depend on names alone.
public struct SeededRunner: Sendable {
    /// Reassociation of sums, relative to the largest number of an output.
    public static let tolerance: Float = 1e-5

    private let options: RuntimeOptions
    private let seed: UInt64
    private let cache = Cache()
    private let running = NSLock()

    public init(seed: UInt64 = 1, threadCount: Int = 1) {
        self.seed = seed
        options = RuntimeOptions(pool: ThreadPool(threadCount: threadCount))
    }

    private struct Parameters: ParameterSource {
        let shapes: [String: Shape]
        let seed: UInt64
        let cache: Cache

        func parameter(_ key: String) throws -> Tensor { cache.tensor(key, shapes[key]!, seed) }
    }

    /// Making numbers takes longer than the tests that run on them.
    private final class Cache: Sendable {
        private let tensors = Locked<[String: Tensor]>([:])

        func tensor(_ key: String, _ shape: Shape, _ seed: UInt64) -> Tensor {
            tensors.withLock { tensors in
                let name = "\(key) \(shape)"
                if let tensor = tensors[name] { return tensor }
                tensors[name] = seededTensor(key: key, shape: shape, seed: seed)
                return tensors[name]!
            }
        }
    }

    /// - Parameters:
    ///   - given: tensors for some inputs; the others are made up.
    ///   - set: other options to run with.
    public func run(_ graph: Graph, inputs given: [String: Tensor] = [:], _ set: (inout RuntimeOptions) -> Void = { _ in }) throws -> [String: Tensor] {
        var options = options
        set(&options)
        // Tests run side by side, and a pool of threads serves one program at a time.
        return try running.withLock { try runAlone(graph, inputs: given, options) }
    }

    private func runAlone(_ graph: Graph, inputs given: [String: Tensor], _ options: RuntimeOptions) throws -> [String: Tensor] {
        let shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        let store = ParameterStore(source: Parameters(shapes: shapes, seed: seed, cache: cache), pool: options.pool)
        let program = try Program(graph, parameters: store, options: options)
        return try program.run(SeededRunner.inputs(of: graph, seed: seed).merging(given) { $1 }, in: Workspace())
    }

    /// Tensors for all inputs of a graph.
    public static func inputs(of graph: Graph, seed: UInt64 = 1) throws -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: try graph.inputs.map { (graph[$0].name, try input(graph[$0].name, graph.type($0), seed)) })
    }

    private static func input(_ name: String, _ type: TensorType, _ seed: UInt64) throws -> Tensor {
        guard type.elementType == .float32 else {
            let numbers = Tensor((0..<type.elementCount).map { Int32($0 % 7) }, shape: type.shape)
            return try OpEvaluator.evaluate(Cast(to: type.elementType), [numbers])[0].converted(to: type.layout)
        }
        // Another layout holds the same image, so that graphs that differ in it can be compared.
        let tensor = seededTensor(key: "input \(name)", shape: Shape([1] + type.shape.dimensions), seed: seed).reshaped(type.shape)
        let scale = Float(type.elementCount).squareRoot()
        return tensor.map { $0 * scale }.converted(to: type.layout)
    }

    /// The largest difference of two runs' outputs, relative to the largest number of each output. Infinite where they are not
    /// comparable.
    public static func largestRelativeDifference(_ a: [String: Tensor], _ b: [String: Tensor]) -> Float {
        guard a.mapValues(\.type) == b.mapValues(\.type) else { return .infinity }
        var largest: Float = 0
        for (name, tensor) in a {
            let (x, y) = (tensor.floatArray, b[name]!.floatArray)
            let magnitude = x.reduce(0) { max($0, abs($1)) }
            for (p, q) in zip(x, y) {
                let difference = abs(p - q) / max(magnitude, .leastNormalMagnitude)
                largest = difference.isNaN ? .infinity : max(largest, difference)
            }
        }
        return largest
    }
}
