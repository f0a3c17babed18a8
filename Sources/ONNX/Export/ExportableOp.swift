import GraphIR
import Tensors

/// An op that can be written to an ONNX model.
public protocol ExportableOp: Op {
    /// Whether the nodes say all there is, so that reading them gives this op again. Other ops become functions, unless
    /// everything is to be inlined.
    var isStandard: Bool { get }

    /// Writes nodes of ONNX's standard operators that compute the results, and returns their names.
    func export(_ body: inout ExportBody) throws -> [String]
}

extension ExportableOp {
    public var isStandard: Bool { false }
}
