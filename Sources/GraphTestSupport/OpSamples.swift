/// A graph's text for every op, with every attribute. Each is exactly what the printer writes.
public enum OpSamples {
    public static let all: [(op: String, text: String)] = [
        ("add", graph(["x : f32[1, 4, 8, 8]", "y : f32[1, 4, 1, 1]"], "%r = add(%x, %y) : f32[1, 4, 8, 8]")),
        (
            "attention",
            graph(
                ["q : f32[2, 5, 16]", "k : f32[1, 7, 16]", "v : f32[1, 7, 16]"],
                "%r = attention(%q, %k, %v) {head_size = 8, scale = 0.35355338, causal = false} : f32[2, 5, 16]")
        ),
        (
            "attention",
            graph(
                ["q : f32[2, 5, 16]", "kv : f32[2, 5, 32]"],
                "%r = attention(%q, %kv) {head_size = 8, scale = 0.5, causal = true, packing = key_value} : f32[2, 5, 16]")
        ),
        (
            "attention",
            graph(["x : f32[2, 5, 48]"], "%r = attention(%x) {head_size = 8, scale = 0.5, causal = false, packing = query_key_value} : f32[2, 5, 16]")
        ),
        ("causal_mask", graph(["x : f32[2, 6, 6]"], "%r = causal_mask(%x) : f32[2, 6, 6]")),
        (
            "concat",
            graph(["x : f32[1, 4, 8, 8]", "y : f32[1, 2, 8, 8]"], "%r = concat(%x, %y, %x) {axis = 1} : f32[1, 10, 8, 8]")
        ),
        (
            "conv2d",
            graph(
                ["x : f32[1, 4, 9, 9]"], parameters: ["b : f32[6]", "w : f32[6, 4, 3, 3]"],
                "%r = conv2d(%x, @w, @b) {stride = [2, 2], padding = [0, 0, 1, 1]} : f32[1, 6, 4, 4]")
        ),
        (
            "conv2d",
            graph(
                ["x : f32[1, 4, 9, 9]@channels_last", "z : f32[1, 2, 9, 9]@channels_last", "n : f32[1, 6]", "r : f32[1, 8, 16, 16]"],
                parameters: ["w : f32[8, 3, 3, 3]"],
                "%y = conv2d(%x, %z, %n, %n, @w, %r) {stride = [1, 1], padding = [1, 1, 1, 1], dilation = [2, 2], groups = 2, upsampling = 2, "
                    + "prologue = [concat, scale_shift, silu], epilogue = [silu, add_residual]} : f32[1, 8, 16, 16]@channels_last from %a, %b.c",
                output: "y")
        ),
        (
            "conv2d",
            graph(
                ["x : f32[2, 4, 9, 9]@channels_last"], parameters: ["w : f32[6, 4, 3, 3]"],
                "%y, %r = conv2d(%x, @w) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [take_moments]} : f32[2, 6, 9, 9]@channels_last, f32[2, 6, 2]")
        ),
        (
            "conv2d",
            graph(
                ["x : f32[2, 4, 5, 6]"], parameters: ["w : f32[4, 3, 3, 2]"],
                "%r = conv2d(%x, @w) {stride = [1, 1], padding = [1, 0, 2, 1], flips_weight = true} : f32[2, 3, 6, 6]")
        ),
        (
            "convert_layout",
            graph(["x : f32[1, 4, 8, 8]"], "%r = convert_layout(%x) {layout = channels_last} : f32[1, 4, 8, 8]@channels_last")
        ),
        (
            "element_wise_adaptive_convolution",
            graph(
                ["x : f32[1, 4, 8, 8]", "k : f32[1, 100, 8, 8]"],
                "%r = element_wise_adaptive_convolution(%x, %k) {kernel_size = 5, residual = true} : f32[1, 4, 8, 8]")
        ),
        (
            "embedding",
            graph(["ids : i32[1, 77]"], parameters: ["table : f32[1000, 8]"], "%r = embedding(%ids, @table) : f32[1, 77, 8]")
        ),
        ("flatten", graph(["x : f32[2, 3, 4, 5]"], "%r = flatten(%x) {first = 1, last = 2} : f32[2, 12, 5]")),
        ("gelu", graph(["x : f32[3]"], "%r = gelu(%x) : f32[3]")),
        (
            "group_norm",
            graph(
                ["x : f32[1, 8, 4, 4]"], parameters: ["b : f32[8]", "w : f32[8]"],
                "%r = group_norm(%x, @w, @b) {groups = 4, epsilon = 1e-05, activation = silu} : f32[1, 8, 4, 4]")
        ),
        (
            "group_norm_gradient",
            graph(
                ["g : f32[1, 8, 4, 4]", "x : f32[1, 8, 4, 4]"], parameters: ["b : f32[8]", "w : f32[8]"],
                "%r = group_norm_gradient(%x, @w, @b, %g) {groups = 4, epsilon = 1e-05, activation = silu} : f32[1, 8, 4, 4]")
        ),
        (
            "group_statistics",
            graph(
                ["x : f32[1, 8, 4, 4]", "y : f32[1, 4, 4, 4]"], parameters: ["b : f32[12]", "w : f32[12]"],
                "%r, %s = group_statistics(%x, %y, @w, @b) {groups = 4, epsilon = 1e-06, prologue = [concat]} : f32[1, 12], f32[1, 12]")
        ),
        (
            "group_statistics",
            graph(
                ["x : f32[2, 8, 4, 4]", "y : f32[2, 4, 4, 4]", "m : f32[2, 4, 2]"], parameters: ["b : f32[12]", "w : f32[12]"],
                "%r, %s = group_statistics(%x, %y, %m, @w, @b) {groups = 4, epsilon = 1e-06, prologue = [concat, moments]} : f32[2, 12], f32[2, 12]")
        ),
        (
            "image_from_tokens",
            graph(["t : f32[1, 12, 5]", "like : f32[1, 7, 3, 4]"], "%r = image_from_tokens(%t, %like) : f32[1, 5, 3, 4]")
        ),
        (
            "layer_norm",
            graph(["x : f32[2, 3, 8]"], parameters: ["b : f32[8]", "w : f32[8]"], "%r = layer_norm(%x, @w, @b) {epsilon = 1e-05} : f32[2, 3, 8]")
        ),
        ("linear", graph(["x : f32[2, 3, 8]"], parameters: ["w : f32[4, 8]"], "%r = linear(%x, @w) : f32[2, 3, 4]")),
        (
            "linear",
            graph(["x : f32[2, 3, 8]"], parameters: ["w : f32[4, 8]"], "%y, %r = linear(%x, @w) {epilogue = [take_moments]} : f32[2, 3, 4], f32[2, 4, 2]")
        ),
        (
            "linear",
            graph(
                ["x : f32[2, 3, 8]", "n : f32[2, 8]"], parameters: ["b : f32[8]", "w : f32[8, 8]"],
                "%r = linear(%x, %n, %n, @w, @b) {prologue = [scale_shift, silu], epilogue = [add_bias, geglu]} : f32[2, 3, 4]")
        ),
        (
            "linear",
            graph(
                ["x : f32[2, 3, 8]", "r : f32[2, 3, 10]"],
                parameters: [
                    "a.bias : f32[4]", "a.weight : f32[4, 8]", "b.bias : f32[6]", "b.weight : f32[6, 8, 1, 1]", "n.bias : f32[8]", "n.weight : f32[8]",
                ],
                "%y = linear(%x, @n.weight, @n.bias, @a.weight, @b.weight, @a.bias, @b.bias, %r) {epsilon = 1e-05, weights = 2, "
                    + "prologue = [layer_norm], epilogue = [add_bias, gelu, add_residual]} : f32[2, 3, 10]", output: "y")
        ),
        (
            "matmul",
            graph(["x : f32[2, 3, 8]", "y : f32[2, 5, 8]"], "%r = matmul(%x, %y) {transpose_b = true} : f32[2, 3, 5]")
        ),
        ("multiply", graph(["x : f32[3, 1]", "y : f32[4]"], "%r = multiply(%x, %y) : f32[3, 4]")),
        ("reduce_sum", graph(["x : f32[1, 2, 25, 4]"], "%r = reduce_sum(%x) {axis = 2} : f32[1, 2, 4]")),
        ("scale", graph(["x : f32[3]"], "%r = scale(%x) {factor = -0.18215} : f32[3]")),
        ("silu", graph(["x : f32[]"], "%r = silu(%x) : f32[]")),
        ("softmax", graph(["x : f32[2, 3]"], "%r = softmax(%x) : f32[2, 3]")),
        ("split", graph(["x : f32[1, 6]"], "%r, %s, %t = split(%x) {axis = -1, parts = 3} : f32[1, 2], f32[1, 2], f32[1, 2]")),
        (
            "timestep_embedding",
            graph(["t : f32[1]"], "%r = timestep_embedding(%t) {dimension = 320, max_period = 10000.0} : f32[1, 320]")
        ),
        ("tokens_from_image", graph(["x : f32[1, 5, 3, 4]@channels_last"], "%r = tokens_from_image(%x) : f32[1, 12, 5]")),
        ("transpose", graph(["x : f32[2, 3, 4]"], "%r = transpose(%x) {permutation = [2, 0, 1]} : f32[4, 2, 3]")),
        ("unflatten", graph(["x : f32[2, 12]"], "%r = unflatten(%x) {axis = 1, sizes = [-1, 3, 2]} : f32[2, 2, 3, 2]")),
        ("unfold", graph(["x : f32[1, 4, 8, 6]"], "%r = unfold(%x) {kernel_size = [5, 3]} : f32[1, 4, 15, 8, 6]")),
        ("unsqueeze", graph(["x : f32[1, 4]"], "%r = unsqueeze(%x) {count = 2} : f32[1, 4, 1, 1]")),
        ("upsample_nearest", graph(["x : f32[1, 4, 8, 6]"], "%r = upsample_nearest(%x) {factor = 2} : f32[1, 4, 16, 12]")),
        (
            "window_merge",
            graph(["w : f32[4, 5, 64, 64]", "x : f32[1, 5, 80, 100]"], "%r = window_merge(%w, %x) {size = 64} : f32[1, 5, 80, 100]")
        ),
        ("window_partition", graph(["x : f32[1, 5, 80, 100]"], "%r = window_partition(%x) {size = 64} : f32[4, 5, 64, 64]")),
        (
            "arg_reduce",
            graph(["x : f32[2, 3, 4]"], "%r = arg_reduce(%x) {function = max, axis = -2, keeps_dimensions = true, selects_last = false} : i64[2, 1, 4]")
        ),
        ("binary", graph(["x : i64[3, 1]", "y : i64[4]"], "%r = binary(%x, %y) {function = less_or_equal} : bool[3, 4]")),
        ("cast", graph(["x : f32[2, 3]"], "%r = cast(%x) {to = i8} : i8[2, 3]")),
        ("constant", graph(["x : f32[2, 3]"], "%r = constant() {element_type = i32, shape = [2, 3], values = [1.0, -2.0, 3.0, 4.0, 5.0, 6.0]} : i32[2, 3]")),
        ("constant", graph(["x : f32[2, 3]"], "%r = constant() {element_type = bf16, shape = [2, 3], values = [0.5]} : bf16[2, 3]")),
        (
            "conv_transpose",
            graph(
                ["x : f32[1, 4, 5, 6]"], parameters: ["b : f32[6]", "w : f32[4, 3, 3, 2]"],
                "%r = conv_transpose(%x, @w, @b) {strides = [2, 1], padding = [1, 0, 0, -1], dilations = [1, 2], groups = 2, "
                    + "output_padding = [1, 0]} : f32[1, 6, 11, 9]")
        ),
        (
            "convolution",
            graph(
                ["x : f32[1, 4, 9]"], parameters: ["b : f32[6]", "w : f32[6, 2, 3]"],
                "%r = convolution(%x, @w, @b) {strides = [2], padding = [1, 0], dilations = [2], groups = 2} : f32[1, 6, 3]")
        ),
        ("cumulative_sum", graph(["x : i32[2, 3]"], "%r = cumulative_sum(%x) {axis = 1, exclusive = true, reversed = false} : i32[2, 3]")),
        ("expand", graph(["x : u8[3, 1]"], "%r = expand(%x) {shape = [2, 3, 4]} : u8[2, 3, 4]")),
        ("gather", graph(["x : f64[5, 4]", "i : i64[2, 3]"], "%r = gather(%x, %i) {axis = 0} : f64[2, 3, 4]")),
        ("gather_elements", graph(["x : f32[5, 4]", "i : i32[2, 7]"], "%r = gather_elements(%x, %i) {axis = 1} : f32[2, 7]")),
        ("gather_nd", graph(["x : f32[2, 5, 4]", "i : i64[2, 3, 1]"], "%r = gather_nd(%x, %i) {batch_dimensions = 1} : f32[2, 3, 4]")),
        ("matmul_integer", graph(["x : u8[2, 3, 8]", "y : i8[8, 5]"], "%r = matmul_integer(%x, %y) : i32[2, 3, 5]")),
        (
            "pad",
            graph(["x : f16[2, 3]", "v : f16[]"], "%r = pad(%x, %v) {before = [1, -1], after = [0, 2], mode = constant} : f16[3, 4]")
        ),
        (
            "pool",
            graph(
                ["x : f32[1, 2, 9, 8]"],
                "%r, %i = pool(%x) {kind = max, kernel_size = [3, 2], strides = [2, 2], padding = [0, 1, 1, 0], dilations = [1, 2], "
                    + "ceil_mode = true, indices = true, storage_order = 1} : f32[1, 2, 5, 4], i64[1, 2, 5, 4]")
        ),
        (
            "pool",
            graph(
                ["x : f32[1, 2, 9]"],
                "%r = pool(%x) {kind = lp, kernel_size = [3], strides = [2], padding = [0, 1], dilations = [1], ceil_mode = false, "
                    + "counts_padding = true, p = 3} : f32[1, 2, 4]")
        ),
        ("reduce", graph(["x : u16[2, 3, 4]"], "%r = reduce(%x) {function = sum, axes = [-1, 0], keeps_dimensions = false} : u16[3]")),
        ("reshape", graph(["x : bool[2, 6]"], "%r = reshape(%x) {shape = [3, 4, 1]} : bool[3, 4, 1]")),
        (
            "resize",
            graph(
                ["x : f32[1, 2, 5]"],
                "%r = resize(%x) {mode = cubic, sizes = [1, 2, 8], scales = [1.0, 1.0, 1.6], coordinates = tf_crop_and_resize, "
                    + "cubic_coefficient = -0.5, excludes_outside = true, antialias = false, roi = [0.0, 0.0, 0.25, 1.0, 1.0, 0.75], "
                    + "extrapolation_value = 2.0} : f32[1, 2, 8]")
        ),
        (
            "resize",
            graph(
                ["x : i16[5, 4]"],
                "%r = resize(%x) {mode = nearest, sizes = [3, 8], scales = [0.6, 2.0], coordinates = asymmetric, nearest_mode = floor} : i16[3, 8]")
        ),
        (
            "scatter_elements",
            graph(
                ["x : f32[5, 4]", "i : i64[2, 3]", "u : f32[2, 3]"],
                "%r = scatter_elements(%x, %i, %u) {axis = 1, reduction = add} : f32[5, 4]")
        ),
        (
            "scatter_nd",
            graph(
                ["x : i32[5, 4, 3]", "i : i64[7, 2]", "u : i32[7, 3]"], "%r = scatter_nd(%x, %i, %u) {reduction = none} : i32[5, 4, 3]")
        ),
        ("select", graph(["c : bool[3, 1]", "x : i8[4]", "y : i8[]"], "%r = select(%c, %x, %y) : i8[3, 4]")),
        ("slice", graph(["x : u32[5, 4]"], "%r = slice(%x) {starts = [4, 1], sizes = [3, 2], steps = [-2, 1]} : u32[3, 2]")),
        ("tile", graph(["x : u64[2, 3]"], "%r = tile(%x) {repeats = [1, 2]} : u64[2, 6]")),
        ("top_k", graph(["x : f32[2, 5]"], "%r, %i = top_k(%x) {axis = 1, k = 3, largest = false} : f32[2, 3], i64[2, 3]")),
        ("triangle", graph(["x : f32[2, 5]"], "%r = triangle(%x) {upper = true, diagonal = -1} : f32[2, 5]")),
        ("unary", graph(["x : f32[2, 5]"], "%r = unary(%x) {function = hard_sigmoid, alpha = 0.2, beta = 0.5} : f32[2, 5]")),
    ]

    private static func graph(_ inputs: [String], parameters: [String] = [], _ node: String, output: String = "r") -> String {
        let lines = inputs.map { "  input %\($0)" } + parameters.map { "  parameter @\($0)" } + ["  \(node)", "  output out = %\(output)"]
        return "graph sample {\n" + lines.joined(separator: "\n") + "\n}\n"
    }
}
