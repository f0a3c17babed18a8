/// The names that nodes of a graph, branch or function see.
final class ImportScope {
    let opsets: OpsetImports
    /// Stands in front of the names of values in the graph that is built.
    let prefix: String
    /// The attributes of the function call that is imported.
    let attributes: [String: ONNXAttribute.Value]
    private let parent: ImportScope?
    private var values: [String: ImportedValue] = [:]
    private var initializers: [String: ONNXTensor] = [:]
    /// The names that all nodes of the graph make.
    var laterNames: Set<String> = []

    /// - Parameter parent: the scope around a branch, whose names it sees; nil for functions.
    init(
        opsets: OpsetImports, prefix: String, attributes: [String: ONNXAttribute.Value] = [:], parent: ImportScope? = nil
    ) {
        self.opsets = opsets
        self.prefix = prefix
        self.attributes = attributes
        self.parent = parent
    }

    /// Operands that a function's caller leaves out.
    private var omitted: Set<String> = []

    func leaveOut(_ names: [String]) { omitted.formUnion(names) }

    /// Whether a name stands for an operand that is left out.
    func isOmitted(_ name: String) -> Bool { name.isEmpty || omitted.contains(name) }

    enum Found {
        case value(ImportedValue)
        /// An initialiser of that scope that was not read before.
        case initializer(ONNXTensor, ImportScope)
        /// A node makes it that was not imported yet.
        case later
    }

    func find(_ name: String) -> Found? {
        var scope: ImportScope? = self
        while let current = scope {
            if let value = current.values[name] { return .value(value) }
            if let initializer = current.initializers[name] { return .initializer(initializer, current) }
            if current.laterNames.contains(name) { return .later }
            scope = current.parent
        }
        return nil
    }

    func define(_ name: String, as value: ImportedValue) { values[name] = value }

    func hasInitializer(_ name: String) -> Bool { initializers[name] != nil }

    /// - Returns: whether there was none of its name.
    func addInitializer(_ initializer: ONNXTensor) -> Bool {
        initializers.updateValue(initializer, forKey: initializer.name) == nil
    }

    func replaceInitializer(_ name: String, with value: ImportedValue) {
        initializers[name] = nil
        values[name] = value
    }
}
