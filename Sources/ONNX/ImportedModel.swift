import Files
import GraphIR
import GraphRuntime
import Tensors

/// An ONNX model as a graph of our own ops, with the numbers of its parameters.
public struct ImportedModel: Sendable {
    public var graph: Graph
    public var parameters: ImportedParameters
    /// Inputs whose numbers went into the graph as constants, for all or some of their readers: the graph is right for these alone.
    public var fixedInputs: Set<String>
}

/// The parameters of an imported graph: the model's initialisers, or what is computed from them alone.
///
/// Nothing is computed, and nothing is read of external data, before it is asked for.
public struct ImportedParameters: ParameterSource {
    let constants: ConstantTable
    let identifiers: [String: ConstantID]
    /// The model and the files that hold its external data.
    public let paths: [String]

    public var keys: [String] { identifiers.keys.sorted() }

    /// The type that the tensor is stored with, or nil where there is no such parameter.
    public func type(of key: String) -> TensorType? { identifiers[key].map(constants.type) }

    public func parameter(_ key: String) throws -> Tensor {
        guard let id = identifiers[key] else { throw InputError("the model has no parameter '\(key)'") }
        do { return try constants.tensor(id) } catch let error as InputError { throw error.at(key) }
    }

    public func parameterType(_ key: String) throws -> TensorType { try type(of: key) ?? parameter(key).type }

    public func releasePages(_ key: String) {
        if let id = identifiers[key] { constants.releasePages(id) }
    }
}
