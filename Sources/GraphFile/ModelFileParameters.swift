import GraphRuntime
import Tensors

/// Parameters read from a model file.
public struct ModelFileParameters: ParameterSource {
    let file: ModelFile

    public init(file: ModelFile) { self.file = file }

    public func parameter(_ key: String) throws -> Tensor { try file.tensor(key) }

    public func releasePages(_ key: String) { file.releasePages(of: key) }
}
