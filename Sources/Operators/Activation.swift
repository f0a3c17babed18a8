/// A function applied to each element before it is stored (or, in a prologue, after it is loaded).
public enum Activation: String, Codable, Sendable {
    /// x / (1 + exp(-x))
    case silu
    /// x (1 + erf(x / sqrt 2)) / 2
    case gelu
    /// The first half of the columns times GELU of the second half.
    case geglu
}
