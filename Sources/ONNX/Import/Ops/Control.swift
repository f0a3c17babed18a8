import Files
import Operators
import Tensors

extension ImportRule {
    static let control: [ImportRule] = [ImportRule("If") { try $0.chosenBranch() }]
}

extension NodeImport {
    /// The branch that a constant condition chooses, in place of the node.
    fileprivate func chosenBranch() throws -> [ImportedValue] {
        let condition = try float(input(0), "cond") != 0
        let branch = try graph(condition ? "then_branch" : "else_branch")
        guard branch.inputs.isEmpty else { throw InputError("its branch has inputs") }
        let inner = ImportScope(opsets: scope.opsets, prefix: scope.prefix, attributes: scope.attributes, parent: scope)
        return try importer.nested {
            try importer.declare(branch, in: inner)
            let names = branch.outputs.map(\.name)
            try importer.importNodes(branch.nodes, wanted: names, in: inner)
            return try names.map { try importer.lookUp($0, in: inner, reader: "a branch") }
        }
    }

    /// The nodes of a function of the model, in place of the call.
    func inline(_ function: ONNXFunction) throws -> [ImportedValue?] {
        guard inputs.count <= function.inputs.count else {
            throw InputError("the function '\(function.key.name)' takes \(function.inputs.count) operands, not \(inputs.count)")
        }
        let values = function.defaults.mapValues(\.value).merging(attributes) { $1 }
        let label = node.name.isEmpty ? (node.outputs.first { !$0.isEmpty } ?? node.opType) : node.name
        let inner = ImportScope(opsets: function.opsets, prefix: "\(scope.prefix)\(label)/", attributes: values)
        for (name, value) in zip(function.inputs, inputs) { if let value { inner.define(name, as: value) } }
        inner.leaveOut(function.inputs.enumerated().filter { $0.offset >= inputs.count || inputs[$0.offset] == nil }.map(\.element))
        return try importer.calling(function.key) {
            let wanted = zip(function.outputs, node.outputs).filter { !$1.isEmpty }.map(\.0)
            try importer.importNodes(function.nodes, wanted: wanted, in: inner)
            return try function.outputs.enumerated().map { index, name in
                wants(index) ? try importer.lookUp(name, in: inner, reader: "the function '\(function.key.name)'") : nil
            }
        }
    }
}
