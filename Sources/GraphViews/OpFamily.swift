/// What kind of work an op is, for colours and summaries.
public enum OpFamily: String, Codable, CaseIterable, Sendable {
    case convolution, product, attention, normalization, activation, elementwise, movement, other

    private static let families: [String: OpFamily] = [
        "conv2d": .convolution, "element_wise_adaptive_convolution": .convolution,
        "convolution": .convolution, "conv_transpose": .convolution,
        "linear": .product, "matmul": .product, "matmul_integer": .product,
        "attention": .attention, "softmax": .attention, "causal_mask": .attention,
        "group_norm": .normalization, "layer_norm": .normalization, "group_statistics": .normalization,
        "silu": .activation, "gelu": .activation,
        "add": .elementwise, "multiply": .elementwise, "scale": .elementwise, "reduce_sum": .elementwise,
        "unary": .elementwise, "binary": .elementwise, "select": .elementwise, "cast": .elementwise, "reduce": .elementwise,
        "arg_reduce": .elementwise, "cumulative_sum": .elementwise, "pool": .elementwise,
        "concat": .movement, "split": .movement, "transpose": .movement, "flatten": .movement, "unflatten": .movement,
        "unsqueeze": .movement, "unfold": .movement, "upsample_nearest": .movement, "convert_layout": .movement,
        "tokens_from_image": .movement, "image_from_tokens": .movement, "window_partition": .movement, "window_merge": .movement,
        "reshape": .movement, "expand": .movement, "slice": .movement, "pad": .movement, "tile": .movement, "triangle": .movement,
        "gather": .movement, "gather_elements": .movement, "gather_nd": .movement, "scatter_elements": .movement,
        "scatter_nd": .movement, "resize": .movement, "top_k": .movement,
    ]

    /// The family of the op of that name; ``other`` for one that is not known here.
    public init(opName: String) { self = OpFamily.families[opName] ?? .other }
}
