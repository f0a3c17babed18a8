// swift-format-ignore-file
// Generated from the doc comments in Passes/: RECORD=1 swift test --filter PassDocumentationTests

let passDocumentation: [String: String] = [
    "AssignLayout": #"""
        Gives images the channels-last layout, in which a row of pixels is a row of tokens.

            input %x : f32[1, 4, 64, 64]
            %y = silu(%x) : f32[1, 4, 64, 64]
            output y = %y
        becomes
            input %x : f32[1, 4, 64, 64]
            %x.channels_last = convert_layout(%x) {layout = channels_last} : f32[1, 4, 64, 64]@channels_last
            %y = silu(%x.channels_last) : f32[1, 4, 64, 64]@channels_last
            %y.row_major = convert_layout(%y) {layout = row_major} : f32[1, 4, 64, 64]
            output y = %y.row_major

        Everything between follows by inference. A node that cannot read images of that layout (an unfold, say, or a convolution in
        groups, with dilation or with unequal strides, for which there is no such kernel) has its operands converted back.
        """#,
    "Canonicalize": #"""
        Removes what does nothing, and steps that undo each other.

            %a = scale(%x) {factor = 1}
            %b = transpose(%a) {permutation = [0, 2, 1]}
            %c = transpose(%b) {permutation = [0, 2, 1]}
            %y = silu(%c)
        becomes
            %y = silu(%x)

        So with flatten and unflatten, chains of conversions of layout, tokens made from an image made from tokens, unsqueezed
        twice, splits and concatenations of one part. An op that reads only the type of an operand reads that of the value in front
        of a norm or an activation, so that those can be folded away.

        Graphs from elsewhere come to the same forms: casts, slices, paddings and the like that do nothing go; views of views are one
        view, transpositions that move nothing are views; a product with a number is a `scale`, as is a quotient where that is exact.
        """#,
    "EliminateCommonSubexpressions": #"""
        Computes once what several nodes compute from the same operands.

            %a = silu(%e)
            %b = silu(%e)
            %y = add(%a, %b)
        becomes
            %a = silu(%e)
            %y = add(%a, %a)

        Sums and products are the same in either order of their operands.
        """#,
    "EliminateDeadCode": #"""
        Removes nodes whose results nothing reads, and parameters that nothing reads.

            %a = silu(%x)
            %y = gelu(%x)
            output y = %y
        becomes
            %y = gelu(%x)
            output y = %y
        """#,
    "EraseTrivialWindows": #"""
        Removes the cutting into windows, and the putting together, of images that are a single window.

            %w = window_partition(%x) {size = 64} : f32[1, 320, 64, 64]
            %y = window_merge(%w, %x) {size = 64} : f32[1, 320, 64, 64]
            %z = silu(%y) : f32[1, 320, 64, 64]
        becomes
            %z = silu(%x) : f32[1, 320, 64, 64]

        The one pass whose result holds for the size of the graph only: for other sizes, optimise the imported graph again.
        """#,
    "FlipTransposedConvolutions": #"""
        Makes a transposed convolution without strides a convolution with the weights flipped, for which there are fast kernels.

            %y = conv_transpose(%x, @weight) {strides = [1, 1], padding = [1, 1, 1, 1], dilations = [1, 1], groups = 1, output_padding = [0, 0]}
        becomes
            %y = conv2d(%x, @weight) {stride = [1, 1], padding = [1, 1, 1, 1], flips_weight = true}

        Such are the gradients of convolutions.
        """#,
    "FoldUpsampling": #"""
        Folds nearest 2x upsampling into the 3x3 convolution behind it, which then works on the small image.

            %u = upsample_nearest(%x) {factor = 2}
            %y = conv2d(%u, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
        becomes
            %y = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1], upsampling = 2}
        """#,
    "FuseActivation": #"""
        Folds GELU and SiLU into the linear layer or the convolution in front of them.

            %l = linear(%x, @weight, @bias)
            %y = gelu(%l)
        becomes
            %y = linear(%x, @weight, @bias) {epilogue = [add_bias, gelu]}

        Convolutions take SiLU only. A layer that adds a residual behind the activation takes none.
        """#,
    "FuseAttention": #"""
        Raises matmul, scale, softmax and matmul to attention over tokens.

            %q4 = unflatten(%q) {axis = 2, sizes = [-1, 64]}
            %qh = transpose(%q4) {permutation = [0, 2, 1, 3]}      the same for k and v
            %qk = matmul(%qh, %kh) {transpose_b = true}
            %sc = scale(%qk) {factor = 0.125}
            %p = softmax(%sc)
            %m = matmul(%p, %vh) {transpose_b = false}
            %t = transpose(%m) {permutation = [0, 2, 1, 3]}
            %y = flatten(%t) {first = 2, last = 3}
        becomes
            %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}

        A `causal_mask` between scale and softmax makes it causal. Without unflatten, transpose and flatten there is one head as wide
        as the tokens. How the heads are taken apart and put together does not matter, as long as every element ends in the same
        place: other views and transpositions serve as well, heads may be counted among the images, keys and values may be transposed by
        themselves or be channels of an image. Query and key may be scaled instead of their product; a scale that is `1 / sqrt(head_size)` but for its
        rounding becomes that.
        """#,
    "FuseBias": #"""
        Folds the addition of a vector of parameters into the linear layer or the convolution in front of it, as its bias.

            %l = linear(%x, @weight)
            %y = add(%l, @bias)
        becomes
            %y = linear(%x, @weight, @bias)

        To a convolution the vector is added behind `unsqueeze(@bias) {count = 2}` or another view that has it along the channels.
        """#,
    "FuseChannelAddend": #"""
        Lets a convolution add a vector, such as the projected time embedding, to all pixels of its result.

            %c = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
            %u = unsqueeze(%time) {count = 2}
            %y = add(%c, %u)
        becomes
            %y = conv2d(%x, @weight, @bias, %time) {..., epilogue = [add_bias, add_per_channel]}
        """#,
    "FuseGEGLU": #"""
        Folds the gating of a feed-forward layer into its linear layer.

            %l = linear(%x, @weight, @bias)
            %a, %g = split(%l) {axis = 2, parts = 2}
            %h = gelu(%g)
            %y = multiply(%a, %h)
        becomes
            %y = linear(%x, @weight, @bias) {epilogue = [add_bias, geglu]}
        """#,
    "FuseGroupNormSiLU": #"""
        Folds a SiLU into the group norm that feeds it.

            %n = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
            %y = silu(%n)
        becomes
            %y = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05, activation = silu}
        """#,
    "FuseResidual": #"""
        Lets a convolution or linear layer add another tensor to its result.

            %c = conv2d(%h, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
            %y = add(%x, %c)
        becomes
            %y = conv2d(%h, @weight, @bias, %x) {..., epilogue = [add_bias, add_residual]}

        Of two layers the earlier one takes the other's result, so that what the later one reads need not be kept. Where the layer's tokens are added as an image, the other image is
        added as tokens:

            %l = linear(%t, @weight, @bias)
            %i = image_from_tokens(%l, %x)
            %y = add(%i, %x)
        becomes
            %r = tokens_from_image(%x)
            %l = linear(%t, @weight, @bias, %r) {epilogue = [add_bias, add_residual]}
            %y = image_from_tokens(%l, %x)

        The layer that adds runs as soon as both are there: a control is added to the skip that it belongs to when that is made,
        so that one of the two is kept until it is needed, not both.
        """#,
    "FuseUnfoldDot": #"""
        Raises a sum of products with unfolded neighbourhoods to an element-wise adaptive convolution, with the image added.

            %u = unfold(%x) {kernel_size = [5, 5]}
            %k = unflatten(%kernel) {axis = 1, sizes = [-1, 25]}
            %p = multiply(%u, %k)
            %s = reduce_sum(%p) {axis = 2}
            %y = add(%s, %x)
        becomes
            %y = element_wise_adaptive_convolution(%x, %kernel) {kernel_size = 5, residual = true}

        Without the `add`, `residual = false`. Any view that gives the kernels the shape of the neighbourhoods will do.
        """#,
    "MergeAttentionProjections": #"""
        Makes one linear layer of those for query, key and value, or for key and value.

            %q = linear(%x, @to_q)
            %k = linear(%x, @to_k)
            %v = linear(%x, @to_v)
            %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}
        becomes
            %y.query_key_value = linear(%x, @to_q, @to_k, @to_v) {weights = 3}
            %y = attention(%y.query_key_value) {head_size = 64, scale = 0.125, causal = false, packing = query_key_value}

        Where the query comes from elsewhere, key and value are merged: `packing = key_value`.
        """#,
    "MergeProjections": #"""
        Makes one linear layer of all that read the same single row, such as the projections of a time embedding.

            %a = linear(%e, @a.weight, @a.bias) : f32[1, 320]
            %b = linear(%e, @b.weight, @b.bias) : f32[1, 640]
        becomes
            %e.projections = linear(%e, @a.weight, @b.weight, @a.bias, @b.bias) {weights = 2} : f32[1, 960]
            %a, %b = split(%e.projections) {axis = 1, parts = 2, sizes = [320, 640]} : f32[1, 320], f32[1, 640]

        Parts of a single row are views as long as each is a whole number of cache lines; other layers are left alone.
        """#,
    "MoveViews": #"""
        Moves views behind linear layers and slices in front of views, where they meet their likes; slices that together are a tensor
        become a split.

            %r = reshape(%x) {shape = [77, 32]} : f32[77, 32]
            %l = linear(%r, @weight) : f32[77, 96]
            %h = reshape(%l) {shape = [77, 3, 32]} : f32[77, 3, 32]
            %a = slice(%h) {starts = [0, 0, 0], sizes = [77, 1, 32], steps = [1, 1, 1]} : f32[77, 1, 32]
        and so on for %b and %c, of `%x : f32[1, 77, 32]`, becomes
            %l = linear(%x, @weight) : f32[1, 77, 96]
            %a.whole, ... = split(%l) {axis = 2, parts = 3} : f32[1, 77, 32], f32[1, 77, 32], f32[1, 77, 32]
            %a = reshape(%a.whole) {shape = [77, 1, 32]} : f32[77, 1, 32]

        A `gather` of one number is a slice.
        """#,
    "NormOnLoad": #"""
        Leaves it to the convolutions and linear layers behind a norm to apply it while they load.

            %n = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05, activation = silu}
            %y = conv2d(%n, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
        becomes
            %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
            %y = conv2d(%x, %s, %t, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1], prologue = [scale_shift, silu]}

        and likewise for linear layers on the image's tokens. A layer norm needs no statistics of its own:

            %n = layer_norm(%x, @scale, @bias) {epsilon = 1e-05}
            %y = linear(%n, @weight)
        becomes
            %y = linear(%x, @scale, @bias, @weight) {epsilon = 1e-05, prologue = [layer_norm]}

        Only where every reader of the norm can do so; otherwise the norm would be computed as well.
        """#,
    "PackAttention": #"""
        Lets attention read query, key and value where they lie side by side in one tensor.

            %q, %k, %v = split(%qkv) {axis = 2, parts = 3}
            %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = true}
        becomes
            %y = attention(%qkv) {head_size = 64, scale = 0.125, causal = true, packing = query_key_value}
        """#,
    "PointwiseConvolutionToLinear": #"""
        Makes a 1x1 convolution between an image and tokens a linear layer on tokens, so that it takes part in what is done to those.

            %c = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [0, 0, 0, 0]}
            %y = tokens_from_image(%c)
        becomes
            %t = tokens_from_image(%x)
            %y = linear(%t, @weight, @bias)

        and likewise where the image is made from tokens:

            %x = image_from_tokens(%t, %like)
            %y = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [0, 0, 0, 0]}
        becomes
            %l = linear(%t, @weight, @bias)
            %y = image_from_tokens(%l, %like)
        """#,
    "RaiseActivations": #"""
        Raises SiLU from a product with a sigmoid, and GELU from one with the error function.

            %s = unary(%x) {function = sigmoid}
            %y = multiply(%x, %s)
        becomes
            %y = silu(%x)

        and

            %d = binary(%x, %root2) {function = divide}
            %e = unary(%d) {function = erf}
            %a = add(%e, %one)
            %p = multiply(%x, %a)
            %y = scale(%p) {factor = 0.5}
        becomes
            %y = gelu(%x)

        in whatever order the factors stand.
        """#,
    "RaiseCausalMask": #"""
        Raises the addition of minus infinity above the diagonal.

            %m = triangle(%infinities) {upper = true, diagonal = 1} : f32[77, 77]
            %y = add(%x, %m) : f32[1, 16, 77, 77]
        becomes
            %y = causal_mask(%x)

        The mask may be a constant of all its numbers, too, and numbers below -1e30 will do: behind a softmax they are the same.
        """#,
    "RaiseImageOps": #"""
        Raises what exporters make of neighbourhoods, of nearest upsampling, and of padding in front of a convolution.

            %p = pad(%x) {before = [0, 0, 2, 2], after = [0, 0, 2, 2], mode = constant}
            %r = gather(%p, %rows) {axis = 2}
            %c = gather(%r, %columns) {axis = 4}
            %t = transpose(%c) {permutation = [0, 1, 2, 4, 3, 5]}
            %u = reshape(%t) {shape = [1, 4, 25, 64, 64]}
        where %rows and %columns are the constants i + j [5, 64], becomes
            %u = unfold(%x) {kernel_size = [5, 5]}

        A `resize` that repeats pixels becomes `upsample_nearest`; zeros around the input of a `conv2d` become its padding; a `reduce` to the
        sum of one axis becomes `reduce_sum`.
        """#,
    "RaiseNorms": #"""
        Raises norms from what exporters make of them.

            %g = reshape(%x) {shape = [1, 32, 4096]}
            %n = group_norm(%g, %ones, %zeros) {groups = 32, epsilon = 1e-05}
            %i = reshape(%n) {shape = [1, 64, 32, 64]}
            %m = multiply(%i, %scale)
            %y = add(%m, %bias)
        where scale and bias are views [64, 1, 1] of parameters, becomes
            %y = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}

        and

            %m = reduce(%x) {function = mean, axes = [2], keeps_dimensions = true}
            %c = binary(%x, %m) {function = subtract}
            %p = binary(%c, %two) {function = power}
            %v = reduce(%p) {function = mean, axes = [2], keeps_dimensions = true}
            %e = add(%v, %epsilon)
            %s = unary(%e) {function = sqrt}
            %n = binary(%c, %s) {function = divide}
            %w = multiply(%n, @scale)
            %y = add(%w, @bias)
        becomes
            %y = layer_norm(%x, @scale, @bias) {epsilon = 1e-05}

        Where such an %n of a view of an image is that image's groups, it becomes a group norm by ones and zeros first.
        """#,
    "RaiseProducts": #"""
        Raises matrix products with transposed operands and with weights.

            %t = transpose(@weight) {permutation = [1, 0]}
            %y = matmul(%x, %t) {transpose_b = false}
        becomes
            %y = linear(%x, @weight)

        A second matrix that is no weight makes it `transpose_b = true`.
        """#,
    "RaiseTokens": #"""
        Raises transpositions between images and tokens, and what turns numbers of words into tokens.

            %r = reshape(%x) {shape = [1, 320, 4096]}
            %t = transpose(%r) {permutation = [0, 2, 1]}
        becomes
            %t = tokens_from_image(%x)

        and behind it

            %b = transpose(%tokens) {permutation = [0, 2, 1]}
            %y = reshape(%b) {shape = [1, 320, 64, 64]}
        becomes
            %y = image_from_tokens(%tokens, %x)

        since a `tokens_from_image` of an image of that size stands in front of it. A `gather` of rows of a matrix of parameters is an `embedding`.
        """#,
    "RaiseWaves": #"""
        Raises the embedding of a timestep from cosines and sines of its products with a row of falling frequencies.

            %t = unsqueeze(%timestep) {count = 1} : f32[1, 1]
            %a = multiply(%t, %frequencies) : f32[1, 160]
            %c = unary(%a) {function = cos} : f32[1, 160]
            %s = unary(%a) {function = sin} : f32[1, 160]
            %y = concat(%c, %s) {axis = 1} : f32[1, 320]
        where the frequencies are the constants `exp(-ln(10000) k / 160)`, becomes
            %y = timestep_embedding(%timestep) {dimension = 320, max_period = 10000.0}
        """#,
    "ReadConcatInPlace": #"""
        Lets convolutions and statistics read two images side by side, rather than a concatenation of them.

            %c = concat(%a, %b) {axis = 1}
            %s, %t = group_statistics(%c, @scale, @bias) {groups = 32, epsilon = 1e-05}
            %y = conv2d(%c, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
        becomes
            %s, %t = group_statistics(%a, %b, @scale, @bias) {..., prologue = [concat]}
            %y = conv2d(%a, %b, @weight, @bias) {..., prologue = [concat]}

        Only where every reader can.
        """#,
    "ReadSumInPlace": #"""
        Lets convolutions and statistics add two images while they load, rather than read their sum.

            %c = add(%skip, %control)
            %s, %t = group_statistics(%h, %c, @scale, @bias) {..., prologue = [concat]}
        becomes
            %s, %t = group_statistics(%h, %skip, %control, @scale, @bias)
                         {..., prologue = [concat, add]}

        Only where every reader can. What a convolution or linear layer can add to its result is better added there, once.
        """#,
    "SplitInvariantChannels": #"""
        Takes the part of a convolution that stays the same from step to step out of it, so that it can be computed once.

            %c = concat(%c_img, %z) {axis = 1}
            %y = conv2d(%c, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
        becomes, if `z` changes and `c_img` does not,
            %y.invariant = conv2d(%c_img, @weight, @bias) {..., input_channels = [0, 4]}
            %y = conv2d(%z, @weight, %y.invariant) {..., input_channels = [4, 8], epilogue = [add_residual]}

        A convolution is linear in its input, so the parts of a concatenation can be added up behind it.
        """#,
    "TakeMoments": #"""
        Lets convolutions and linear layers take the mean and the variance of their results' channels while they write them, where a group
        norm follows: its statistics then need not read the image.

            %x = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
            %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
        becomes
            %x, %x.moments = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [add_bias, take_moments]}
            %s, %t = group_statistics(%x, %x.moments, @scale, @bias) {..., prologue = [moments]}

        and likewise behind a linear layer whose tokens become the image. Of two images side by side each is taken for itself; one that is
        a sum of two is read as before.
        """#,
]
