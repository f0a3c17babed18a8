import Files
import GraphIR
import Operators
import Tensors

/// What rules build results of.
extension NodeImport {
    func apply(_ op: some Op, _ operands: ImportedValue...) throws -> ImportedValue { try apply(op, operands) }

    func apply(_ op: some Op, _ operands: [ImportedValue]) throws -> ImportedValue { try applyAll(op, operands)[0] }

    func applyAll(_ op: some Op, _ operands: [ImportedValue]) throws -> [ImportedValue] {
        try importer.apply(op, operands.map { ($0, .operand) }, name: "\(hint).\(op.name)")
    }

    /// The same with operands behind the first that are weights, where they are constants.
    func apply(_ op: some Op, _ operand: ImportedValue, weights: [ImportedValue]) throws -> ImportedValue {
        let operands = [(operand, ConstantRole.operand)] + weights.map { ($0, ConstantRole.weight) }
        return try importer.apply(op, operands, name: "\(hint).\(op.name)")[0]
    }

    // MARK: Constants

    func constant(_ elementType: ElementType, _ shape: Shape = [], _ values: [Double]) -> ImportedValue {
        .constant(importer.constants.add(Constant(elementType, shape, values)))
    }

    func scalar(_ value: Double, _ elementType: ElementType) -> ImportedValue { constant(elementType, [], [value]) }

    /// A number of the type that a value has.
    func scalar(_ value: Double, like other: ImportedValue) -> ImportedValue { scalar(value, elementType(other)) }

    func constant(_ values: [Int]) -> ImportedValue {
        .constant(importer.constants.add(Tensor(TensorType(.int64, [values.count]), values.map(Int64.init))))
    }

    // MARK: Arithmetic

    func binary(_ function: Binary.Function, _ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue { try apply(Binary(function), a, b) }
    func unary(_ function: Unary.Function, _ x: ImportedValue) throws -> ImportedValue { try apply(Unary(function), x) }
    func add(_ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue { try apply(Add(), a, b) }
    func multiply(_ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue { try apply(Multiply(), a, b) }
    func subtract(_ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue { try binary(.subtract, a, b) }
    func divide(_ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue { try binary(.divide, a, b) }

    func cast(_ x: ImportedValue, to type: ElementType) throws -> ImportedValue {
        elementType(x) == type ? x : try apply(Cast(to: type), x)
    }

    func reduce(_ function: Reduce.Function, _ x: ImportedValue, axes: [Int], keepsDimensions: Bool = true) throws -> ImportedValue {
        try apply(Reduce(function, axes: axes, keepsDimensions: keepsDimensions), x)
    }

    // MARK: Form

    func reshape(_ x: ImportedValue, _ shape: Shape) throws -> ImportedValue {
        self.shape(x) == shape ? x : try apply(Reshape(shape), x)
    }

    func transpose(_ x: ImportedValue, _ permutation: [Int]) throws -> ImportedValue {
        if permutation == Array(permutation.indices) { return x }
        // Twice the other way round is not at all: a weight that was transposed for a product.
        if case .constant(let id) = x, let (op, operands) = importer.constants.computation(id), let inner = (op as? Transpose)?.permutation,
            permutation.count == inner.count, permutation.map({ inner.indices.contains($0) ? inner[$0] : -1 }) == Array(inner.indices)
        {
            return .constant(operands[0])
        }
        return try apply(Transpose(permutation: permutation), x)
    }

    func expand(_ x: ImportedValue, _ shape: Shape) throws -> ImportedValue {
        self.shape(x) == shape ? x : try apply(Expand(shape), x)
    }

    /// Moves one dimension to the end; ``movedBack(_:to:)`` undoes it.
    func movedToEnd(_ x: ImportedValue, axis: Int) throws -> ImportedValue {
        try transpose(x, (0..<rank(x)).filter { $0 != axis } + [axis])
    }

    func movedBack(_ x: ImportedValue, to axis: Int) throws -> ImportedValue {
        let last = rank(x) - 1
        return try transpose(x, Array(0..<axis) + [last] + Array(axis..<last))
    }

    func slice(_ x: ImportedValue, axis: Int, from start: Int, count: Int) throws -> ImportedValue {
        let shape = shape(x)
        guard start != 0 || count != shape[axis] else { return x }
        var (starts, sizes) = ([Int](repeating: 0, count: shape.rank), shape.dimensions)
        (starts[axis], sizes[axis]) = (count == 0 ? 0 : start, count)
        return try apply(Slice(starts: starts, sizes: sizes, steps: [Int](repeating: 1, count: shape.rank)), x)
    }

    // MARK: Types

    /// Computes in f32 what kernels compute in that only, for operands of any float type; the result has the type of the first.
    func inFloat32(_ operands: [ImportedValue], _ body: ([ImportedValue]) throws -> ImportedValue) throws -> ImportedValue {
        let type = elementType(operands[0])
        guard type.isFloatingPoint else { throw InputError("its operand must be of a float type, not \(self.type(operands[0]))") }
        return try cast(body(try operands.map { try cast($0, to: .float32) }), to: type)
    }

    /// A weight for an op that reads f32: a constant as it is stored, anything else cast.
    func weight(_ value: ImportedValue) throws -> ImportedValue {
        guard elementType(value).isFloatingPoint else { throw InputError("weights must be of a float type, not \(type(value))") }
        if case .constant = value { return value }
        return try cast(value, to: .float32)
    }

    /// Whether a value is one of the model's weights as they are stored.
    func isWeight(_ value: ImportedValue) -> Bool {
        if case .constant(let id) = value { importer.constants.isWeight(id) } else { false }
    }

    /// Names a constant after the part of the network that the node stands for, where an exporter gave it no name.
    func nameWeight(_ value: ImportedValue, _ part: String) {
        guard case .constant(let id) = value, let module = modulePath else { return }
        if importer.constantName(id)?.hasPrefix("onnx::") ?? true { importer.nameConstant(id, "\(module).\(part)") }
    }

    /// "down.0.to_q" for a node named "/down/0/to_q/MatMul".
    private var modulePath: String? {
        let parts = node.name.split(separator: "/")
        guard node.name.hasPrefix("/"), parts.count > 1 else { return nil }
        // Modules in a list are written with the list's name: "/down/down.0/to_q/MatMul".
        let modules = parts.dropLast()
        return zip(modules, modules.dropFirst() + [""]).filter { !$1.hasPrefix("\($0).") }.map(\.0).joined(separator: ".")
    }
}
