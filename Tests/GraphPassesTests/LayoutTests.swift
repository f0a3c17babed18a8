import GraphPasses
import Testing

@Suite struct AssignLayoutTests {
    @Test func convertsAtTheEdges() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 8, 4, 4]
                input %time : f32[1, 8]
                %s = silu(%x) : f32[1, 8, 4, 4]
                %u = unsqueeze(%time) {count = 2} : f32[1, 8, 1, 1]
                %y = add(%s, %u) : f32[1, 8, 4, 4]
                %t = tokens_from_image(%y) : f32[1, 16, 8]
                output y = %y
                output t = %t
                """), by: AssignLayout(),
            gives: graph(
                """
                input %x : f32[1, 8, 4, 4]
                input %time : f32[1, 8]
                %x.channels_last = convert_layout(%x) {layout = channels_last} : f32[1, 8, 4, 4]@channels_last
                %s = silu(%x.channels_last) : f32[1, 8, 4, 4]@channels_last
                %u = unsqueeze(%time) {count = 2} : f32[1, 8, 1, 1]
                %y = add(%s, %u) : f32[1, 8, 4, 4]@channels_last
                %y.row_major = convert_layout(%y) {layout = row_major} : f32[1, 8, 4, 4]
                %t = tokens_from_image(%y) : f32[1, 16, 8]
                output y = %y.row_major
                output t = %t
                """))
    }

    @Test func convertsBackForOthers() throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 8, 4, 4]
                %s = silu(%x) : f32[1, 8, 4, 4]
                %u = unfold(%s) {kernel_size = [3, 3]} : f32[1, 8, 9, 4, 4]
                %r = reduce_sum(%u) {axis = 2} : f32[1, 8, 4, 4]
                %y = add(%r, %s) : f32[1, 8, 4, 4]
                output y = %y
                """), by: AssignLayout(), Canonicalize(),
            gives: graph(
                """
                input %x : f32[1, 8, 4, 4]
                %x.channels_last = convert_layout(%x) {layout = channels_last} : f32[1, 8, 4, 4]@channels_last
                %s = silu(%x.channels_last) : f32[1, 8, 4, 4]@channels_last
                %s.row_major = convert_layout(%s) {layout = row_major} : f32[1, 8, 4, 4]
                %u = unfold(%s.row_major) {kernel_size = [3, 3]} : f32[1, 8, 9, 4, 4]
                %r = reduce_sum(%u) {axis = 2} : f32[1, 8, 4, 4]
                %r.channels_last = convert_layout(%r) {layout = channels_last} : f32[1, 8, 4, 4]@channels_last
                %y = add(%r.channels_last, %s) : f32[1, 8, 4, 4]@channels_last
                %y.row_major = convert_layout(%y) {layout = row_major} : f32[1, 8, 4, 4]
                output y = %y.row_major
                """))
    }

    @Test(arguments: [
        // Neither reads images of that layout.
        "%y = unfold(%x) {kernel_size = [3, 3]} : f32[1, 8, 9, 4, 4]",
        "%y = conv2d(%x, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1], groups = 2} : f32[1, 16, 4, 4]",
        "%y = conv2d(%x, @c.weight) {stride = [1, 2], padding = [1, 1, 1, 1], groups = 2} : f32[1, 16, 4, 2]",
    ])
    func leavesInputsOfOthers(_ line: String) throws {
        let parameter = line.contains("conv2d") ? "parameter @c.weight : f32[16, 4, 3, 3]\n" : ""
        try expectUnchanged(graph("input %x : f32[1, 8, 4, 4]\n\(parameter)\(line)\noutput y = %y"), by: AssignLayout())
    }

    @Test func leavesWhatIsNoImage() throws {
        try expectUnchanged(
            graph(
                """
                input %q : f32[1, 6, 8]
                %h = unflatten(%q) {axis = 2, sizes = [-1, 4]} : f32[1, 6, 2, 4]
                %t = transpose(%h) {permutation = [0, 2, 1, 3]} : f32[1, 2, 6, 4]
                %y = softmax(%t) : f32[1, 2, 6, 4]
                output y = %y
                """), by: AssignLayout())
    }

    @Test func leavesSinglePixels() throws {
        try expectUnchanged(
            graph("input %x : f32[1, 8, 1, 1]\n%y = silu(%x) : f32[1, 8, 1, 1]\noutput y = %y"), by: AssignLayout())
    }
}

@Suite struct FoldUpsamplingTests {
    private func upsampled(
        factor: Int = 2, attributes: String = "stride = [1, 1], padding = [1, 1, 1, 1]", kernel: Int = 3, result: String = "8, 10",
        layout: String = "@channels_last", extra: String = ""
    ) -> String {
        graph(
            """
            input %x : f32[1, 8, 4, 5]\(layout)
            parameter @c.bias : f32[16]
            parameter @c.weight : f32[16, 8, \(kernel), \(kernel)]
            %u = upsample_nearest(%x) {factor = \(factor)} : f32[1, 8, \(4 * factor), \(5 * factor)]\(layout)
            %y = conv2d(%u, @c.weight, @c.bias) {\(attributes)} : f32[1, 16, \(result)]\(layout)
            output y = %y
            \(extra)
            """)
    }

    @Test func folds() throws {
        try expectRewrite(
            upsampled(), by: FoldUpsampling(),
            gives: graph(
                """
                input %x : f32[1, 8, 4, 5]@channels_last
                parameter @c.bias : f32[16]
                parameter @c.weight : f32[16, 8, 3, 3]
                %y = conv2d(%x, @c.weight, @c.bias) {stride = [1, 1], padding = [1, 1, 1, 1], upsampling = 2} : f32[1, 16, 8, 10]@channels_last
                output y = %y
                """))
    }

    @Test func keepsOthers() throws {
        try expectUnchanged(upsampled(factor: 3, result: "12, 15"), by: FoldUpsampling())
        try expectUnchanged(upsampled(attributes: "stride = [2, 2], padding = [1, 1, 1, 1]", result: "4, 5"), by: FoldUpsampling())
        try expectUnchanged(upsampled(attributes: "stride = [1, 1], padding = [0, 0, 0, 0]", result: "6, 8"), by: FoldUpsampling())
        try expectUnchanged(upsampled(kernel: 1, result: "10, 12"), by: FoldUpsampling())
        try expectUnchanged(upsampled(layout: ""), by: FoldUpsampling())
        try expectUnchanged(upsampled(extra: "output u = %u"), by: FoldUpsampling())
    }
}

@Suite struct PointwiseConvolutionToLinearTests {
    private func image(_ lines: String, layout: String = "@channels_last", kernel: Int = 1, outputs: String = "") -> String {
        graph(
            """
            input %x : f32[1, 8, 4, 5]\(layout)
            input %t : f32[1, 20, 8]
            parameter @c.bias : f32[16]
            parameter @c.weight : f32[16, 8, \(kernel), \(kernel)]
            \(lines)
            output y = %y
            \(outputs)
            """)
    }

    private func before(_ attributes: String = "stride = [1, 1], padding = [0, 0, 0, 0]", layout: String = "@channels_last") -> String {
        """
        %c = conv2d(%x, @c.weight, @c.bias) {\(attributes)} : f32[1, 16, 4, 5]\(layout)
        %y = tokens_from_image(%c) : f32[1, 20, 16]
        """
    }

    @Test func makesTokensFirst() throws {
        try expectRewrite(
            image(before()), by: PointwiseConvolutionToLinear(),
            gives: image(
                """
                %y.input = tokens_from_image(%x) : f32[1, 20, 8]
                %y = linear(%y.input, @c.weight, @c.bias) : f32[1, 20, 16]
                """))
    }

    @Test func makesTheImageLast() throws {
        try expectRewrite(
            image(
                """
                %i = image_from_tokens(%t, %x) : f32[1, 8, 4, 5]@channels_last
                %y = conv2d(%i, @c.weight, @c.bias) {stride = [1, 1], padding = [0, 0, 0, 0]} : f32[1, 16, 4, 5]@channels_last
                """), by: PointwiseConvolutionToLinear(),
            gives: image(
                """
                %y.tokens = linear(%t, @c.weight, @c.bias) : f32[1, 20, 16]
                %y = image_from_tokens(%y.tokens, %x) : f32[1, 16, 4, 5]@channels_last
                """))
    }

    @Test func keepsOthers() throws {
        let pass = PointwiseConvolutionToLinear()
        try expectUnchanged(image(before(), outputs: "output c = %c"), by: pass)
        try expectUnchanged(image(before("stride = [1, 1], padding = [1, 1, 1, 1]"), kernel: 3), by: pass)
        try expectUnchanged(image(before("stride = [1, 1], padding = [0, 0, 0, 0], epilogue = [add_bias, silu]")), by: pass)
        try expectUnchanged(image(before(layout: ""), layout: ""), by: pass)
        try expectUnchanged(
            image(
                """
                %c = conv2d(%x, @c.weight, @c.bias) {stride = [2, 2], padding = [0, 0, 0, 0]} : f32[1, 16, 2, 3]@channels_last
                %y = tokens_from_image(%c) : f32[1, 6, 16]
                """), by: pass)
        try expectUnchanged(
            image(
                """
                %i = image_from_tokens(%t, %x) : f32[1, 8, 4, 5]@channels_last
                %y = conv2d(%i, @c.weight, @c.bias) {stride = [1, 1], padding = [0, 0, 0, 0]} : f32[1, 16, 4, 5]@channels_last
                """, outputs: "output i = %i"), by: pass)
    }
}
