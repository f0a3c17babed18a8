import TensorFiles
import Tensors

/// Collects the tensors of each stage of a run, named STAGE.N where N counts that stage's calls.
///
/// The control network's outputs are kept of its first call only; they are as large as all others together.
public final class Recorder {
    public private(set) var tensors: [(String, Tensor)] = []
    private var counts: [String: Int] = [:]
    private let stages: Set<String>?
    private let steps: Set<Int>?

    /// - Parameters:
    ///   - stages: those that are kept; all without.
    ///   - steps: the steps, counted from 0, at which the networks' stages are; all without.
    public init(stages: Set<String>? = nil, steps: Set<Int>? = nil) { (self.stages, self.steps) = (stages, steps) }

    /// Whether what the networks pass on to each other is to be kept of a step.
    func wantsStages(ofStep step: Int) -> Bool { steps?.contains(step) ?? true }

    func record(_ stage: String, _ tensor: Tensor) {
        guard stages?.contains(stage) ?? true else { return }
        let count = counts[stage, default: 0]
        counts[stage] = count + 1
        guard count == 0 || !stage.hasPrefix("control") else { return }
        tensors.append(("\(stage).\(count)", tensor))
    }

    /// Writes everything as a safetensors file.
    public func write(_ path: String) throws { try writeSafetensors(path: path, tensors: tensors) }
}
