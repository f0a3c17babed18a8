import TensorFiles
import Tensors

/// Collects the tensors of each stage of a run, named STAGE.N where N counts that stage's calls.
///
/// The control network's outputs are kept of its first call only; they are as large as all others together.
public final class Recorder {
    public private(set) var tensors: [(String, Tensor)] = []
    private var counts: [String: Int] = [:]

    public init() {}

    func record(_ stage: String, _ tensor: Tensor) {
        let count = counts[stage, default: 0]
        counts[stage] = count + 1
        guard count == 0 || !stage.hasPrefix("control") else { return }
        tensors.append(("\(stage).\(count)", tensor))
    }

    /// Writes everything as a safetensors file.
    public func write(_ path: String) throws { try writeSafetensors(path: path, tensors: tensors) }
}
