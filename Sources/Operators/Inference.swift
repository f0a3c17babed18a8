import Files
import GraphIR
import Tensors

/// What type inference of many ops shares.
enum Inference {
    static func requireCount(_ operands: [TensorType], _ count: Int) throws {
        guard operands.count == count else { throw InputError("takes \(count) operand\(count == 1 ? "" : "s"), not \(operands.count)") }
    }

    static func requireRank(_ type: TensorType, _ rank: Int, _ role: String) throws {
        guard type.shape.rank == rank else { throw InputError("the \(role) has \(type.shape.rank) dimensions, not \(rank): \(type)") }
    }

    static func requireFloat(_ type: TensorType, _ role: String) throws {
        guard type.elementType.isFloatingPoint else { throw InputError("the \(role) is not of a float type: \(type)") }
    }

    static func requireShape(_ type: TensorType, _ shape: Shape, _ role: String) throws {
        guard type.shape == shape else { throw InputError("the \(role) has shape \(type.shape) where \(shape) is needed") }
    }

    /// An axis counted from the end if negative, as an index.
    static func axis(_ axis: Int, rank: Int) throws -> Int {
        let index = axis < 0 ? axis + rank : axis
        guard index >= 0, index < rank else { throw InputError("axis \(axis) is not one of the \(rank) dimensions") }
        return index
    }

    static func requirePositive(_ values: [Int], _ name: String, count: Int) throws {
        guard values.count == count, values.allSatisfy({ $0 > 0 }) else {
            throw InputError("\(name) must be \(count) positive number\(count == 1 ? "" : "s"), not \(values)")
        }
    }

    /// The shape of an elementwise result: sizes of one stretch, missing dimensions in front too.
    static func broadcast(_ a: Shape, _ b: Shape) throws -> Shape {
        let rank = max(a.rank, b.rank)
        var result = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let sizeA = axis < rank - a.rank ? 1 : a[axis - (rank - a.rank)]
            let sizeB = axis < rank - b.rank ? 1 : b[axis - (rank - b.rank)]
            guard sizeA == sizeB || sizeA == 1 || sizeB == 1 else {
                throw InputError("shapes \(a) and \(b) do not broadcast")
            }
            result[axis] = sizeA == 1 ? sizeB : sizeA
        }
        return Shape(result)
    }

    /// The type of an elementwise function of two tensors.
    static func elementwise(_ operands: [TensorType]) throws -> [TensorType] {
        try requireCount(operands, 2)
        let (a, b) = (operands[0], operands[1])
        guard a.elementType == b.elementType else { throw InputError("element types differ: \(a) and \(b)") }
        let shape = try broadcast(a.shape, b.shape)
        // Bytes that lie the same way in both layouts (one pixel, or one channel) go with either.
        let layouts = Set([a, b].filter { !$0.isLayoutFree && $0.shape.rank == 4 }.map(\.layout))
        guard layouts.count <= 1 else { throw InputError("layouts differ: \(a) and \(b)") }
        return [TensorType(a.elementType, shape, layout: shape.rank == 4 ? layouts.first ?? a.layout : .rowMajor)]
    }

    /// The type of a sum or product of two tensors of numbers.
    static func arithmetic(_ operands: [TensorType]) throws -> [TensorType] {
        guard operands.allSatisfy({ $0.elementType != .bool }) else { throw InputError("bool is no type of numbers") }
        return try elementwise(operands)
    }

    /// The type of an elementwise function of one float tensor.
    static func unary(_ operands: [TensorType]) throws -> [TensorType] {
        try requireCount(operands, 1)
        try requireFloat(operands[0], "operand")
        return operands
    }
}

extension TensorType {
    /// Whether the bytes are the same in every layout: one channel, or one pixel an image.
    public var isLayoutFree: Bool {
        shape.rank != 4 || shape[1] == 1 || shape[2] * shape[3] == 1
    }

    /// The same element type and layout with another shape.
    func with(shape: Shape) -> TensorType {
        TensorType(elementType, shape, layout: shape.rank == 4 ? layout : .rowMajor)
    }
}
