import GraphIR
import Tensors

/// Runs two programs of the same computation side by side and compares the values that both have, node by node.
///
/// Rewriting keeps the names of values, so values of one name are the same value. Only those that one side has made and the
/// other has not yet are in memory.
public struct ProgramComparison {
    /// How far a value is from the reference.
    public struct Difference: Codable, Hashable, Sendable {
        public var name: String
        /// `|a - b| / |b|`, Euclidean norms over all elements; infinite where one side has a number that is not finite.
        public var relativeError: Double
        /// The largest difference of two elements.
        public var largestError: Double
    }

    private let execution: Program.Execution
    private let graph: Graph
    private let wanted: Set<String>
    private var pending: [String: Tensor] = [:]

    /// - `names`: values to compare, of those that the reference has.
    public init(reference: Program, inputs: [String: Tensor], in workspace: Workspace, names: Set<String>) throws {
        execution = try reference.begin(inputs, in: workspace)
        let graph = reference.graph
        self.graph = graph
        wanted = names.intersection(graph.valueIDs.map { graph[$0].name })
    }

    /// Compares a value with the reference's of that name; nil if the reference has none of its shape.
    public mutating func compare(_ name: String, _ value: @autoclosure () -> Tensor) -> Difference? {
        guard wanted.contains(name) else { return nil }
        while pending[name] == nil, let report = execution.advance() {
            let results = report.step.values
            guard results.contains(where: { wanted.contains(graph[$0].name) }) else { continue }
            for (id, tensor) in zip(results, report.results) where wanted.contains(graph[id].name) { pending[graph[id].name] = tensor }
        }
        guard let expected = pending.removeValue(forKey: name) else { return nil }
        let found = value()
        guard found.shape == expected.shape, found.type.elementType == .float32, expected.type.elementType == .float32 else { return nil }
        let (a, b) = (found.converted(to: .rowMajor).floatArray, expected.converted(to: .rowMajor).floatArray)
        var (difference, norm, largest) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            let d = Double(x) - Double(y)
            difference += d * d
            norm += Double(y) * Double(y)
            largest = max(largest, d.magnitude)
        }
        let error = difference == 0 ? 0 : (difference / max(norm, .leastNormalMagnitude)).squareRoot()
        return Difference(name: name, relativeError: error.isNaN ? .infinity : error, largestError: largest)
    }
}
