import GraphPasses
import Testing

@Suite struct FuseBiasTests {
    private func layers(_ lines: String) -> String {
        graph(
            """
            input %x : f32[1, 7, 16]
            input %i : f32[1, 16, 3, 4]
            input %v : f32[32]
            parameter @b.bias : f32[32]
            parameter @c.weight : f32[32, 16, 3, 3]
            parameter @l.weight : f32[32, 16]
            \(lines)
            output y = %y
            """)
    }

    @Test func fuses() throws {
        try expectRewrite(
            layers("%l = linear(%x, @l.weight) : f32[1, 7, 32]\n%y = add(@b.bias, %l) : f32[1, 7, 32]"), by: FuseBias(),
            gives: layers("%y = linear(%x, @l.weight, @b.bias) : f32[1, 7, 32]"))
        try expectRewrite(
            layers(
                """
                %c = conv2d(%i, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 3, 4]
                %u = unsqueeze(@b.bias) {count = 2} : f32[32, 1, 1]
                %y = add(%c, %u) : f32[1, 32, 3, 4]
                """), by: FuseBias(),
            gives: layers("%y = conv2d(%i, @c.weight, @b.bias) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 3, 4]"))
    }

    @Test(arguments: [
        "%l = linear(%x, @l.weight, @b.bias) : f32[1, 7, 32]\n%y = add(%l, @b.bias) : f32[1, 7, 32]",
        "%l = linear(%x, @l.weight) {epilogue = [silu]} : f32[1, 7, 32]\n%y = add(%l, @b.bias) : f32[1, 7, 32]",
        "%l = linear(%x, @l.weight) : f32[1, 7, 32]\n%y = add(%l, %v) : f32[1, 7, 32]",
        "%l = linear(%x, @l.weight) : f32[1, 7, 32]\n%z = add(%l, @b.bias) : f32[1, 7, 32]\n%y = add(%z, %l) : f32[1, 7, 32]",
        """
        %c = conv2d(%i, @c.weight, @b.bias) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 3, 4]
        %u = unsqueeze(@b.bias) {count = 2} : f32[32, 1, 1]
        %y = add(%c, %u) : f32[1, 32, 3, 4]
        """,
    ])
    func keepsOthers(_ lines: String) throws { try expectUnchanged(layers(lines), by: FuseBias()) }
}

@Suite struct FuseChannelAddendTests {
    private let image = "f32[2, 32, 3, 4]@channels_last"
    private let convolution = "stride = [1, 1], padding = [1, 1, 1, 1]"

    private func block(_ lines: String, layout: String = "@channels_last", outputs: String = "") -> String {
        graph(
            """
            input %x : f32[2, 16, 3, 4]\(layout)
            input %time : f32[1, 32]
            input %times : f32[2, 32]
            input %r : f32[2, 32, 3, 4]\(layout)
            parameter @c.bias : f32[32]
            parameter @c.weight : f32[32, 16, 3, 3]
            \(lines)
            output y = %y
            \(outputs)
            """)
    }

    private func before(
        _ time: String = "%time", batch: Int = 1, operands: String = "%x, @c.weight, @c.bias", attributes: String = "", swapped: Bool = false
    ) -> String {
        """
        %c = conv2d(\(operands)) {\(convolution)\(attributes)} : \(image)
        %u = unsqueeze(\(time)) {count = 2} : f32[\(batch), 32, 1, 1]
        %y = add(\(swapped ? "%u, %c" : "%c, %u")) : \(image)
        """
    }

    @Test(arguments: [("%time", 1, false), ("%times", 2, false), ("%time", 1, true)])
    func fuses(_ time: String, _ batch: Int, _ swapped: Bool) throws {
        try expectRewrite(
            block(before(time, batch: batch, swapped: swapped)), by: FuseChannelAddend(),
            gives: block("%y = conv2d(%x, @c.weight, @c.bias, \(time)) {\(convolution), epilogue = [add_bias, add_per_channel]} : \(image)"))
    }

    @Test func keepsOthers() throws {
        let pass = FuseChannelAddend()
        try expectUnchanged(block(before(attributes: ", epilogue = [add_bias, silu]")), by: pass)
        try expectUnchanged(
            block(before(operands: "%x, @c.weight, %r", attributes: ", epilogue = [add_residual]")), by: pass)
        try expectUnchanged(
            block(before(operands: "%x, @c.weight, %time", attributes: ", epilogue = [add_per_channel]")), by: pass)
        try expectUnchanged(block(before(), outputs: "output c = %c"), by: pass)
        try expectUnchanged(block(before().replacing("@channels_last", with: ""), layout: ""), by: pass)
        // One number for each column of pixels.
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 16, 4, 4]@channels_last
                input %v : f32[4]
                parameter @c.weight : f32[32, 16, 3, 3]
                %c = conv2d(%x, @c.weight) {\(convolution)} : f32[1, 32, 4, 4]@channels_last
                %u = unsqueeze(%v) {count = 1} : f32[4, 1]
                %y = add(%c, %u) : f32[1, 32, 4, 4]@channels_last
                output y = %y
                """), by: pass)
    }
}

@Suite struct FuseResidualTests {
    private let image = "f32[1, 16, 3, 4]@channels_last"
    private let convolution = "stride = [1, 1], padding = [1, 1, 1, 1]"

    private func block(_ lines: String, outputs: String = "") -> String {
        graph(
            """
            input %x : f32[1, 16, 3, 4]@channels_last
            input %t : f32[1, 12, 16]
            input %s : f32[1, 12, 16]
            parameter @c.weight : f32[16, 16, 3, 3]
            parameter @d.weight : f32[16, 16, 1, 1]
            parameter @l.bias : f32[16]
            parameter @l.weight : f32[16, 16]
            \(lines)
            output y = %y
            \(outputs)
            """)
    }

    @Test(arguments: ["%c, %x", "%x, %c"])
    func convolutionsAdd(_ operands: String) throws {
        try expectRewrite(
            block("%c = conv2d(%x, @c.weight) {\(convolution)} : \(image)\n%y = add(\(operands)) : \(image)"), by: FuseResidual(),
            gives: block("%y = conv2d(%x, @c.weight, %x) {\(convolution), epilogue = [add_residual]} : \(image)"))
    }

    @Test func theEarlierOfTwoAdds() throws {
        try expectRewrite(
            block(
                """
                %c = conv2d(%x, @c.weight) {\(convolution)} : \(image)
                %d = conv2d(%x, @d.weight) {stride = [1, 1], padding = [0, 0, 0, 0]} : \(image)
                %y = add(%d, %c) : \(image)
                """), by: FuseResidual(),
            gives: block(
                """
                %d = conv2d(%x, @d.weight) {stride = [1, 1], padding = [0, 0, 0, 0]} : \(image)
                %y = conv2d(%x, @c.weight, %d) {\(convolution), epilogue = [add_residual]} : \(image)
                """))
    }

    /// The sum is made as soon as it can be, whatever comes between.
    @Test func addsEarly() throws {
        try expectRewrite(
            block(
                """
                %c = conv2d(%x, @c.weight) {\(convolution)} : \(image)
                %a = silu(%x) : \(image)
                %b = silu(%a) : \(image)
                %y = add(%a, %c) : \(image)
                """, outputs: "output b = %b"), by: FuseResidual(),
            gives: block(
                """
                %a = silu(%x) : \(image)
                %y = conv2d(%x, @c.weight, %a) {\(convolution), epilogue = [add_residual]} : \(image)
                %b = silu(%a) : \(image)
                """, outputs: "output b = %b"))
    }

    @Test func linearLayersAdd() throws {
        try expectRewrite(
            block("%l = linear(%t, @l.weight, @l.bias) : f32[1, 12, 16]\n%y = add(%s, %l) : f32[1, 12, 16]"), by: FuseResidual(),
            gives: block("%y = linear(%t, @l.weight, @l.bias, %s) {epilogue = [add_bias, add_residual]} : f32[1, 12, 16]"))
    }

    @Test func linearLayersAddAnImage() throws {
        try expectRewrite(
            block(
                """
                %l = linear(%t, @l.weight, @l.bias) : f32[1, 12, 16]
                %i = image_from_tokens(%l, %x) : \(image)
                %y = add(%i, %x) : \(image)
                """), by: FuseResidual(),
            gives: block(
                """
                %y.tokens = tokens_from_image(%x) : f32[1, 12, 16]
                %l = linear(%t, @l.weight, @l.bias, %y.tokens) {epilogue = [add_bias, add_residual]} : f32[1, 12, 16]
                %y = image_from_tokens(%l, %x) : \(image)
                """))
    }

    @Test func keepsOthers() throws {
        let pass = FuseResidual()
        let c = "%c = conv2d(%x, @c.weight) {\(convolution)} : \(image)"
        let l = "%l = linear(%t, @l.weight, @l.bias) : f32[1, 12, 16]"
        let i = "%i = image_from_tokens(%l, %x) : \(image)"
        let add = "%y = add(%c, %x) : \(image)"
        try expectUnchanged(block("\(c)\n\(add)", outputs: "output c = %c"), by: pass)
        try expectUnchanged(block("\(c)\n%y = add(%c, %c) : \(image)"), by: pass)
        try expectUnchanged(block("\(c)\n%z = silu(%c) : \(image)\n%y = add(%c, %z) : \(image)"), by: pass)  // needs its own result
        try expectUnchanged(block("%c = conv2d(%x, @c.weight) {\(convolution), epilogue = [silu]} : \(image)\n\(add)"), by: pass)
        try expectUnchanged(
            block("%c = conv2d(%x, @c.weight, %x) {\(convolution), epilogue = [add_residual]} : \(image)\n\(add)"), by: pass)
        try expectUnchanged(block("\(l)\n%y = add(%l, %s) : f32[1, 12, 16]", outputs: "output l = %l"), by: pass)
        try expectUnchanged(
            block("%l = linear(%t, @l.weight) {epilogue = [gelu]} : f32[1, 12, 16]\n%y = add(%l, %s) : f32[1, 12, 16]"), by: pass)
        try expectUnchanged(
            block(
                "%l = linear(%t, @l.weight, %s) {epilogue = [add_residual]} : f32[1, 12, 16]\n%y = add(%l, %s) : f32[1, 12, 16]"),
            by: pass)
        try expectUnchanged(block("\(l)\n\(i)\n%y = add(%i, %x) : \(image)", outputs: "output i = %i"), by: pass)
        try expectUnchanged(block("\(l)\n\(i)\n%y = add(%i, %x) : \(image)", outputs: "output l = %l"), by: pass)
        // Broadcast, so the layer's result is smaller than the sum.
        try expectUnchanged(
            graph(
                """
                input %t : f32[1, 1, 16]
                input %s : f32[1, 12, 16]
                parameter @l.weight : f32[16, 16]
                %l = linear(%t, @l.weight) : f32[1, 1, 16]
                %y = add(%l, %s) : f32[1, 12, 16]
                output y = %y
                """), by: pass)
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 16, 3, 4]
                parameter @c.weight : f32[16, 16, 3, 3]
                %c = conv2d(%x, @c.weight) {\(convolution)} : f32[1, 16, 3, 4]
                %y = add(%c, %x) : f32[1, 16, 3, 4]
                output y = %y
                """), by: pass)
    }
}
