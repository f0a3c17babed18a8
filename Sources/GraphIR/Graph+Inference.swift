import Files
import Tensors

extension Graph {
    /// No tensor has more elements than this; larger ones are refused before anything is allocated.
    public static let elementCountLimit = 1 << 40
    public static let dimensionLimit = 1 << 31

    /// Whether a type is one that a graph may hold.
    public static func check(_ type: TensorType) throws {
        // A dimension of zero must not hide that products of the others overflow.
        guard let count = Shape(type.shape.dimensions.map { $0 == 0 ? 1 : $0 }).checkedElementCount, count <= elementCountLimit,
            type.shape.dimensions.allSatisfy({ $0 <= dimensionLimit })
        else { throw InputError("a tensor of type \(type) is too large") }
        guard type.layout == .rowMajor || type.shape.rank == 4 else {
            throw InputError("the type \(type) has a layout that only tensors of four dimensions have")
        }
    }

    /// The types of an op's results, checked.
    public static func inferTypes(_ op: any Op, _ operands: [TensorType]) throws -> [TensorType] {
        let types = try op.inferTypes(operands)
        for type in types { try check(type) }
        return types
    }

    /// The same graph for inputs of other types: everything else follows by inference.
    ///
    /// - Parameter inputTypes: the new types by input name; inputs that are not named keep theirs.
    public func specialized(_ inputTypes: [String: TensorType]) throws -> Graph {
        var result = self
        for (name, type) in inputTypes {
            guard let id = input(name) else {
                throw InputError(
                    "graph '\(self.name)' has no input '\(name)'",
                    advice: "Its inputs: " + inputs.map { self[$0].name }.joined(separator: ", "))
            }
            try Graph.check(type)
            result.values[id.index]!.type = type
        }
        try result.inferAgain()
        return result
    }

    mutating func inferAgain() throws {
        for id in order {
            let node = self[id]
            do {
                let types = try Graph.inferTypes(node.op, operandTypes(node))
                precondition(types.count == node.results.count)
                for (result, type) in zip(node.results, types) { values[result.index]!.type = type }
            } catch let error as InputError {
                throw error.at("\(name): \(node.op.name) %\(name(of: id))")
            }
        }
    }
}
