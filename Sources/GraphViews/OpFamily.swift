import GraphIR
import Operators

extension OpFamily {
    /// The family of the op of that name; ``other`` for one that is not known here.
    init(opName: String) { self = OpRegistry.standard[opName]?.family ?? .other }
}
