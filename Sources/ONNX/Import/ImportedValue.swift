import GraphIR

/// What a value of the model is to the importer.
enum ImportedValue: Hashable {
    /// A value of the graph that is being built.
    case value(ValueID)
    /// Numbers that are known; they become part of the graph only where something else than a constant meets them.
    case constant(ConstantID)
}

/// How a constant enters the graph.
enum ConstantRole: Hashable {
    /// As f32 parameter of the model whatever it is: a weight that kernels pack for themselves.
    case weight
    /// As what suits its size.
    case operand
}
