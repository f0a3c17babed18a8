import Files
import Tensors

/// What a command line gives to a named tensor: `x=file.npy`, `x=1x4x64x64`, or a file with tensors by name, `all.npz`.
public enum TensorArgument: Sendable {
    case file(name: String?, path: String)
    case shape(name: String, Shape)

    public init(_ text: String) throws {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            self = .file(name: nil, path: text)
            return
        }
        let (name, value) = (String(text[..<equals]), String(text[text.index(after: equals)...]))
        self = TensorArgument.shape(value).map { .shape(name: name, $0) } ?? .file(name: name, path: value)
    }

    /// `1x4x64x64`, or a bare number for one dimension; nil for what is no shape.
    private static func shape(_ text: String) -> Shape? {
        let sizes = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sizes.allSatisfy({ $0 != nil && $0! >= 0 }) else { return nil }
        return Shape(sizes.map { $0! })
    }
}

/// Tensors and shapes by name, as a command line gives them.
public struct GivenTensors: Sendable {
    public private(set) var tensors: [String: Tensor] = [:]
    public private(set) var shapes: [String: Shape] = [:]

    /// Reads the files that the arguments name.
    public init(_ arguments: [String]) throws {
        for argument in arguments {
            switch try TensorArgument(argument) {
            case .shape(let name, let shape):
                guard shape.checkedElementCount != nil else { throw InputError("'\(shape)' is no possible shape", at: argument) }
                try add(name, argument, in: &shapes, shape)
            case .file(let name?, let path): try add(name, argument, in: &tensors, try GivenTensors.tensor(named: name, in: path))
            case .file(nil, let path):
                let format = try TensorFile.Format(path: path)
                guard format != .npy else { throw InputError("holds one tensor without a name", at: path, advice: "Say which it is: NAME=\(path)") }
                for (name, tensor) in try TensorFile.read(path) { try add(name, argument, in: &tensors, tensor) }
            }
        }
    }

    private func add<Value>(_ name: String, _ argument: String, in values: inout [String: Value], _ value: Value) throws {
        guard values.updateValue(value, forKey: name) == nil else { throw InputError("'\(name)' is given twice", at: argument) }
    }

    /// The tensor of that name in a file, or the only one that it holds.
    private static func tensor(named name: String, in path: String) throws -> Tensor {
        let found = try TensorFile.read(path)
        if let tensor = found.first(where: { $0.name == name })?.tensor { return tensor }
        guard found.count == 1 else {
            throw InputError("holds no tensor '\(name)'", at: path, advice: "It holds: " + found.map(\.name).joined(separator: ", "))
        }
        return found[0].tensor
    }
}
