import Files
import GraphIR
import Operators
import Tensors

extension ImportRule {
    static let constants: [ImportRule] = [
        .one("Constant") { try $0.writtenConstant() },
        .one("ConstantOfShape") { node in
            let sizes = try node.integers(node.input(0), "input")
            guard let value = try node.tensor("value") else { return try node.expand(node.scalar(0, .float32), Shape(sizes)) }
            guard node.type(value).elementCount == 1 else { throw InputError("its attribute 'value' must be one number, not \(node.type(value))") }
            return try node.expand(node.reshape(value, []), Shape(sizes))
        },
        .one("Range") { try $0.range() },
        .one("EyeLike") { node in
            let shape = node.shape(try node.input(0))
            guard shape.rank == 2 else { throw InputError("a matrix is needed, not \(shape)") }
            let elementType = try node.integer("dtype").map { try ElementType(onnx: Int32(clamping: $0)) } ?? node.elementType(node.input(0))
            let diagonal = try node.integer("k", default: 0)
            let columns = node.constant(Array(0..<shape[1]))
            let rows = try node.reshape(node.constant((0..<shape[0]).map { $0 + diagonal }), [shape[0], 1])
            return try node.cast(node.binary(.equal, rows, columns), to: elementType)
        },
        .one("NonZero") { node in
            let x = try node.input(0)
            let shape = node.shape(x)
            let found = try node.numbers(x, "X").doubles.enumerated().filter { $0.element != 0 }.map(\.offset)
            let strides = shape.rowMajorStrides
            let positions = (0..<shape.rank).flatMap { axis in found.map { $0 / strides[axis] % shape[axis] } }
            return try node.reshape(node.constant(positions), [shape.rank, found.count])
        },
        .one("OneHot") { try $0.oneHot() },
    ]
}

extension NodeImport {
    fileprivate func writtenConstant() throws -> ImportedValue {
        if let value = try tensor("value") { return value }
        if let value = try float("value_float") { return scalar(Double(value), .float32) }
        if let values = try floats("value_floats") {
            return .constant(importer.constants.add(Tensor(values, shape: [values.count])))
        }
        // Not clamped as sizes are: these are numbers.
        if case .integer(let value)? = attributes["value_int"] { return try reshape(constant([value]), []) }
        if case .integers(let values)? = attributes["value_ints"] { return constant(values) }
        throw InputError("its value is of a kind that is not supported: \(attributes.keys.sorted().joined(separator: ", "))")
    }

    fileprivate func range() throws -> ImportedValue {
        let (start, limit, step) = (try input(0), try input(1), try input(2))
        let elementType = elementType(start)
        guard self.elementType(limit) == elementType, self.elementType(step) == elementType else {
            throw InputError("its operands must be of one type, not \(type(start)), \(type(limit)) and \(type(step))")
        }
        let (first, end, delta) = (try float(start, "start"), try float(limit, "limit"), try float(step, "delta"))
        let count = ((end - first) / delta).rounded(.up)
        guard count < Double(ConstantTable.elementLimit) else { throw InputError("it would have \(count) elements") }
        // start + i step, in the type's own arithmetic.
        let indices = try cast(constant(Array(0..<max(0, Int(count)))), to: elementType)
        return try add(reshape(start, []), multiply(indices, reshape(step, [])))
    }

    fileprivate func oneHot() throws -> ImportedValue {
        let (indices, depth, values) = (try input(0), try input(1), try input(2))
        let count = Int(try float(depth, "depth").rounded(.towardZero))
        guard count > 0, count <= 1 << 24 else { throw InputError("its depth cannot be \(count)") }
        let axisCount = rank(indices) + 1
        let axis = try axis(integer("axis", default: -1), rank: axisCount)
        let size = scalar(Double(count), .int64)
        let whole = try cast(indices, to: .int64)
        let positive = try apply(Select(), binary(.less, whole, scalar(0, .int64)), add(whole, size), whole)
        var dimensions = shape(indices).dimensions
        dimensions.insert(1, at: axis)
        let positions = try reshape(
            constant(Array(0..<count)), Shape((0..<axisCount).map { $0 == axis ? count : 1 }))
        let isHot = try binary(.equal, reshape(positive, Shape(dimensions)), positions)
        guard shape(values) == [2] else { throw InputError("its values must be two numbers, not \(type(values))") }
        return try apply(
            Select(), isHot, reshape(slice(values, axis: 0, from: 1, count: 1), []), reshape(slice(values, axis: 0, from: 0, count: 1), []))
    }
}
