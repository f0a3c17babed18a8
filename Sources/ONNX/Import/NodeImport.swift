import Files
import GraphIR
import Operators
import Tensors

/// One node that is being imported: its operands and attributes, and what its rule needs to build ops.
struct NodeImport {
    let importer: GraphImporter
    let scope: ImportScope
    let node: ONNXNode
    /// Nil for operands that are left out.
    let inputs: [ImportedValue?]
    let attributes: [String: ONNXAttribute.Value]

    /// The version of the operator's domain.
    var opset: Int { scope.opsets.versions[node.domain] ?? 1 }

    /// The base of the names of new values.
    var hint: String { scope.prefix + (node.outputs.first { !$0.isEmpty } ?? node.opType) }

    /// Whether anybody wants the result of that number.
    func wants(_ index: Int) -> Bool { index < node.outputs.count && !node.outputs[index].isEmpty }
}

// MARK: - Operands

extension NodeImport {
    func input(_ index: Int) throws -> ImportedValue {
        guard let value = optionalInput(index) else { throw InputError("its operand \(index) is missing") }
        return value
    }

    func optionalInput(_ index: Int) -> ImportedValue? { index < inputs.count ? inputs[index] : nil }

    /// All operands, none of them left out.
    func allInputs() throws -> [ImportedValue] {
        guard !inputs.isEmpty else { throw InputError("it has no operands") }
        return try inputs.indices.map(input)
    }

    func type(_ value: ImportedValue) -> TensorType { importer.type(value) }
    func shape(_ value: ImportedValue) -> Shape { type(value).shape }
    func rank(_ value: ImportedValue) -> Int { shape(value).rank }
    func elementType(_ value: ImportedValue) -> ElementType { type(value).elementType }

    /// The numbers of an operand on which the result's shape depends.
    func numbers(_ value: ImportedValue, _ role: String) throws -> Tensor {
        guard let tensor = try importer.numbers(value) else {
            throw InputError(
                "its operand '\(role)' decides the shape of the result, so its numbers must be known before the model runs",
                advice: "Export the model with that operand as a constant, or with fixed sizes.")
        }
        return tensor
    }

    /// The same as integers, from a short list.
    func integers(_ value: ImportedValue, _ role: String) throws -> [Int] {
        guard type(value).elementCount <= 1 << 16 else { throw InputError("its operand '\(role)' has \(type(value).elementCount) numbers") }
        guard let integers = try numbers(value, role).integers else {
            throw InputError("its operand '\(role)' must hold integers, not \(type(value))")
        }
        return integers.map(NodeImport.clamped)
    }

    func integer(_ value: ImportedValue, _ role: String) throws -> Int {
        guard type(value).elementCount == 1 else { throw InputError("its operand '\(role)' must be one number, not \(type(value))") }
        return try integers(value, role)[0]
    }

    func floats(_ value: ImportedValue, _ role: String) throws -> [Double] {
        guard type(value).elementCount <= 1 << 16 else { throw InputError("its operand '\(role)' has \(type(value).elementCount) numbers") }
        return try numbers(value, role).doubles
    }

    func float(_ value: ImportedValue, _ role: String) throws -> Double {
        guard type(value).elementCount == 1 else { throw InputError("its operand '\(role)' must be one number, not \(type(value))") }
        return try floats(value, role)[0]
    }

    /// Numbers as large as these mean "to the end", and sums of a few of them must not overflow.
    static func clamped(_ value: Int) -> Int { min(max(value, -(1 << 48)), 1 << 48) }

    /// An axis counted from the end if negative, as an index.
    func axis(_ axis: Int, rank: Int) throws -> Int {
        let index = axis < 0 ? axis + rank : axis
        guard index >= 0, index < rank else { throw InputError("axis \(axis) is not one of \(rank) dimensions") }
        return index
    }

    func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let indices = try axes.map { try axis($0, rank: rank) }
        guard Set(indices).count == indices.count else { throw InputError("an axis is given twice: \(axes)") }
        return indices
    }

    /// What used to be an attribute and became an operand: its integers, nil where there are none.
    func integers(attribute name: String, orInput index: Int) throws -> [Int]? {
        if let value = optionalInput(index) { return try integers(value, name) }
        return try integers(name)
    }
}

// MARK: - Attributes

extension NodeImport {
    private func misfit(_ name: String, _ expected: String) -> InputError { InputError("its attribute '\(name)' must be \(expected)") }

    func integer(_ name: String) throws -> Int? {
        switch attributes[name] {
        case nil: nil
        case .integer(let value)?: NodeImport.clamped(value)
        default: throw misfit(name, "an integer")
        }
    }

    func integer(_ name: String, default value: Int) throws -> Int { try integer(name) ?? value }

    func flag(_ name: String, default value: Bool) throws -> Bool { try integer(name).map { $0 != 0 } ?? value }

    func requiredInteger(_ name: String) throws -> Int {
        guard let value = try integer(name) else { throw InputError("its attribute '\(name)' is missing") }
        return value
    }

    func integers(_ name: String) throws -> [Int]? {
        switch attributes[name] {
        case nil: nil
        case .integers(let values)?: values.map(NodeImport.clamped)
        default: throw misfit(name, "integers")
        }
    }

    func float(_ name: String) throws -> Float? {
        switch attributes[name] {
        case nil: nil
        case .float(let value)?: value
        default: throw misfit(name, "a number")
        }
    }

    func float(_ name: String, default value: Float) throws -> Float { try float(name) ?? value }

    func floats(_ name: String) throws -> [Float]? {
        switch attributes[name] {
        case nil: nil
        case .floats(let values)?: values
        default: throw misfit(name, "numbers")
        }
    }

    func string(_ name: String) throws -> String? {
        switch attributes[name] {
        case nil: nil
        case .string(let value)?: value
        default: throw misfit(name, "a text")
        }
    }

    func string(_ name: String, default value: String) throws -> String { try string(name) ?? value }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, default value: Choice) throws -> Choice where Choice.RawValue == String {
        guard let word = try string(name) else { return value }
        guard let choice = Choice(rawValue: word) else {
            throw misfit(name, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")), not '\(word)'")
        }
        return choice
    }

    func tensor(_ name: String) throws -> ImportedValue? {
        switch attributes[name] {
        case nil: nil
        case .tensor(let tensor)?: .constant(try importer.constants.add(tensor, as: .attribute))
        default: throw misfit(name, "a tensor")
        }
    }

    func graph(_ name: String) throws -> ONNXGraph {
        guard case .graph(let graph)? = attributes[name] else { throw misfit(name, "a graph") }
        return graph
    }

    /// Refuses what would change the meaning.
    func refuse(_ attribute: String, unless isHarmless: Bool) throws {
        guard isHarmless else { throw InputError("its attribute '\(attribute)' is not supported with this value") }
    }
}
