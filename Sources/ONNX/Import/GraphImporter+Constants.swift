import GraphIR
import Operators
import Tensors

/// How constants enter the graph.
extension GraphImporter {
    func nameConstant(_ id: ConstantID, _ name: String) { constantNames[id] = name }
    func constantName(_ id: ConstantID) -> String? { constantNames[id] }

    /// The value in the graph; a constant becomes a parameter or a `constant` there.
    func materialize(_ value: ImportedValue, _ role: ConstantRole, name: String) throws -> ValueID {
        switch value {
        case .value(let id): return id
        case .constant(let id):
            let key = Materialization(constant: id, role: role)
            if let known = materialized[key] { return known }
            let result = try materialize(id, role, name: constantNames[id] ?? name)
            materialized[key] = result
            return result
        }
    }

    private func materialize(_ id: ConstantID, _ role: ConstantRole, name: String) throws -> ValueID {
        let type = constants.type(id)
        if role == .weight { return parameter(id, TensorType(.float32, type.shape), name: name) }
        if model.isNative, constants.isWeight(id) { return parameter(id, type, name: name) }
        // What only has other dimensions than an initialiser is that one's view.
        if let (op, operands) = constants.computation(id), op is Reshape, constants.isWeight(operands[0]) {
            return try builder.apply(op, [materialize(.constant(operands[0]), .operand, name: name)], name: name)[0]
        }
        if let value = try splatValue(id) {
            let isLarge = type.elementCount > Constant.elementCountLimit
            let splat = try builder.apply(Constant(type.elementType, isLarge ? [] : type.shape, [value]), [], name: name)
            return try isLarge ? builder.apply(Expand(type.shape), splat, name: name)[0] : splat[0]
        }
        guard constants.isWeight(id) else {
            if let op = try literal(id) { return try builder.apply(op, [], name: name)[0] }
            return parameter(id, type, name: name)
        }
        // A vector for each channel stays a vector, as norms and biases are, whatever dimensions of one it has.
        let wide = type.shape.dimensions.filter { $0 != 1 }
        guard wide.count == 1, type.shape.rank > 1 else { return parameter(id, type, name: name) }
        let vector = constants.add(Reshape(Shape(wide)), [id], types: [TensorType(type.elementType, Shape(wide))])![0]
        let stored = parameter(vector, constants.type(vector), name: name)
        return try builder.apply(Reshape(type.shape), [stored], name: name)[0]
    }

    /// The number that a float tensor has everywhere. Vectors are left as they are: those of one number are norms' scales.
    private func splatValue(_ id: ConstantID) throws -> Double? {
        let type = constants.type(id)
        guard type.elementType.isFloatingPoint else { return nil }
        if let (op, operands) = constants.computation(id), op is Expand, constants.type(operands[0]).elementCount == 1 {
            return type.shape.dimensions.contains(0) ? nil : try constants.tensor(operands[0]).doubles[0]
        }
        guard type.elementCount <= Constant.elementCountLimit, type.shape.dimensions.filter({ $0 > 1 }).count >= 2 else { return nil }
        let numbers = try constants.tensor(id).doubles
        guard let first = numbers.first else { return nil }
        return numbers.allSatisfy { $0.bitPattern == first.bitPattern } ? first : nil
    }

    private func parameter(_ id: ConstantID, _ type: TensorType, name: String) -> ValueID {
        var key = name
        var count = 1
        // One key has one constant and one type.
        while let other = parameterKeys[key], other != id || builder.graph.parameter(key).map(builder.type) != type {
            count += 1
            key = "\(name)_\(count)"
        }
        parameterKeys[key] = id
        return builder.parameter(key, type)
    }

    /// A small constant as an op, if that can hold it.
    private func literal(_ id: ConstantID) throws -> Constant? {
        guard constants.type(id).elementCount <= Constant.valueCountLimit else { return nil }
        return Constant(try constants.tensor(id))
    }
}
