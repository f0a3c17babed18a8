/// What kind of work an op is, for colours and summaries.
public enum OpFamily: String, Codable, CaseIterable, Sendable {
    case convolution, product, attention, normalization, activation, elementwise, movement, other

    private static let families: [String: OpFamily] = [
        "conv2d": .convolution, "element_wise_adaptive_convolution": .convolution,
        "linear": .product, "matmul": .product,
        "attention": .attention, "softmax": .attention, "causal_mask": .attention,
        "group_norm": .normalization, "layer_norm": .normalization, "group_statistics": .normalization,
        "silu": .activation, "gelu": .activation,
        "add": .elementwise, "multiply": .elementwise, "scale": .elementwise, "reduce_sum": .elementwise,
        "concat": .movement, "split": .movement, "transpose": .movement, "flatten": .movement, "unflatten": .movement,
        "unsqueeze": .movement, "unfold": .movement, "upsample_nearest": .movement, "convert_layout": .movement,
        "tokens_from_image": .movement, "image_from_tokens": .movement, "window_partition": .movement, "window_merge": .movement,
    ]

    /// The family of the op of that name; ``other`` for one that is not known here.
    public init(opName: String) { self = OpFamily.families[opName] ?? .other }
}
