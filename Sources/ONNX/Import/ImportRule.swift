import GraphIR

/// How an operator of ONNX becomes ops of ours.
struct ImportRule: Sendable {
    var opType: String
    /// Whether it goes before a function of the model with the same name.
    var replacesFunctions = false
    /// Gives the node's results in order. Those that are left out at the end, or nil, are not supported.
    var run: @Sendable (NodeImport) throws -> [ImportedValue?]

    init(_ opType: String, _ run: @escaping @Sendable (NodeImport) throws -> [ImportedValue?]) {
        self.opType = opType
        self.run = run
    }

    /// An operator with one result.
    static func one(_ opType: String, _ run: @escaping @Sendable (NodeImport) throws -> ImportedValue) -> ImportRule {
        ImportRule(opType) { [try run($0)] }
    }
}

/// All rules, by domain and name.
enum ImportRegistry {
    private static let standard: [String: ImportRule] = {
        let families: [[ImportRule]] = [
            ImportRule.arithmetic, ImportRule.comparisons, ImportRule.functions, ImportRule.activations, ImportRule.clipping,
            ImportRule.convolutions, ImportRule.transposedConvolutions, ImportRule.pooling, ImportRule.products, ImportRule.einsum,
            ImportRule.softmax, ImportRule.normalization, ImportRule.reductions, ImportRule.shapes, ImportRule.structure,
            ImportRule.slicing, ImportRule.padding, ImportRule.gathering, ImportRule.scattering, ImportRule.constants, ImportRule.casts,
            ImportRule.resizing, ImportRule.spatialRearrangement, ImportRule.quantization, ImportRule.integerProducts,
            ImportRule.attention, ImportRule.rotaryEmbedding, ImportRule.sorting, ImportRule.control, ImportRule.inference,
        ]
        var rules: [String: ImportRule] = [:]
        for rule in families.joined() {
            precondition(rules.updateValue(rule, forKey: rule.opType) == nil, "two rules for \(rule.opType)")
        }
        return rules
    }()

    static func rule(domain: String, opType: String) -> ImportRule? {
        switch domain {
        case "": standard[opType]
        case NativeOperators.domain: NativeOperators.rule(opType)
        default: nil
        }
    }

    /// The standard operators that can be imported.
    static var operators: [String] { standard.keys.sorted() }
}
