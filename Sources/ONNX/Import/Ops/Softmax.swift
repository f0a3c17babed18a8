import Operators
import Tensors

extension ImportRule {
    static let softmax: [ImportRule] = [
        .one("Softmax") { node in try node.alongAxis { x in try node.inFloat32([x]) { try node.apply(Operators.Softmax(), $0) } } },
        .one("LogSoftmax") { node in
            try node.alongAxis { x in
                let last = node.rank(x) - 1
                let shifted = try node.subtract(x, node.reduce(.max, x, axes: [last]))
                return try node.subtract(shifted, node.reduce(.logSumExp, shifted, axes: [last]))
            }
        },
        .one("Hardmax") { node in
            try node.alongAxis { x in
                let last = node.rank(x) - 1
                let largest = try node.apply(ArgReduce(.max, axis: last, keepsDimensions: true), x)
                let positions = node.constant(Array(0..<node.shape(x)[last]))
                return try node.cast(node.binary(.equal, positions, largest), to: node.elementType(x))
            }
        },
    ]
}

extension NodeImport {
    /// A function of the last dimension, applied to the one that `axis` names. Before opset 13 that one and all behind it were one.
    fileprivate func alongAxis(_ body: (ImportedValue) throws -> ImportedValue) throws -> ImportedValue {
        let x = try input(0)
        let shape = shape(x)
        guard opset < 13 else {
            let axis = try axis(integer("axis", default: -1), rank: shape.rank)
            return try movedBack(body(movedToEnd(x, axis: axis)), to: axis)
        }
        let axis = try integer("axis", default: 1)
        // An axis behind the last is allowed here.
        let split = axis == shape.rank ? axis : try self.axis(axis, rank: shape.rank)
        if split == shape.rank - 1 { return try body(x) }
        let flat = Shape([Shape(Array(shape.dimensions[..<split])).elementCount, Shape(Array(shape.dimensions[split...])).elementCount])
        return try reshape(body(reshape(x, flat)), shape)
    }
}
