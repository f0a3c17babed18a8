import Files
import GraphIR
import Tensors

/// What a scattering op does with an element and its update.
public enum ScatterReduction: String, Codable, Sendable, CaseIterable {
    case none, add, multiply, max, min

    func requireFit(_ type: TensorType) throws {
        guard self == .none || type.elementType != .bool else { throw InputError("\(rawValue) is not defined for \(type)") }
    }
}
