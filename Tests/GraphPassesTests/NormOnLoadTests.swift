import GraphPasses
import Testing

@Suite struct NormOnLoadTests {
    private let image = "f32[1, 32, 4, 5]@channels_last"

    private func norm(_ lines: String, layout: String = "@channels_last") -> String {
        graph(
            """
            input %x : f32[1, 32, 4, 5]\(layout)
            input %r : f32[1, 32, 4, 5]\(layout)
            parameter @c.weight : f32[32, 32, 3, 3]
            parameter @d.weight : f32[32, 32, 1, 1]
            parameter @l.bias : f32[48]
            parameter @l.weight : f32[48, 32]
            parameter @n.bias : f32[32]
            parameter @n.weight : f32[32]
            \(lines)
            """)
    }

    private let silu = "%n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, activation = silu}"
    private let plain = "%n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05}"
    private let statistics = "%n.scale, %n.shift = group_statistics(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32], f32[1, 32]"

    @Test func goesIntoConvolutions() throws {
        try expectRewrite(
            norm(
                """
                \(silu) : \(image)
                %y = conv2d(%n, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : \(image)
                %z = conv2d(%n, @d.weight, %r) {stride = [1, 1], padding = [0, 0, 0, 0], epilogue = [add_residual]} : \(image)
                output y = %y
                output z = %z
                """), by: NormOnLoad(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : \(image)
                input %r : \(image)
                parameter @c.weight : f32[32, 32, 3, 3]
                parameter @d.weight : f32[32, 32, 1, 1]
                parameter @n.bias : f32[32]
                parameter @n.weight : f32[32]
                \(statistics)
                %y = conv2d(%x, %n.scale, %n.shift, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1], prologue = [scale_shift, silu]} : \(image)
                %z = conv2d(%x, %n.scale, %n.shift, @d.weight, %r) {stride = [1, 1], padding = [0, 0, 0, 0], \
                prologue = [scale_shift, silu], epilogue = [add_residual]} : \(image)
                output y = %y
                output z = %z
                """))
    }

    @Test func goesIntoLinearLayersOnTokens() throws {
        try expectRewrite(
            norm(
                """
                \(plain) : \(image)
                %t = tokens_from_image(%n) : f32[1, 20, 32]
                %l = linear(%t, @l.weight, @l.bias) : f32[1, 20, 48]
                %y = image_from_tokens(%l, %n) : f32[1, 48, 4, 5]@channels_last
                output y = %y
                """), by: NormOnLoad(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : \(image)
                input %r : \(image)
                parameter @l.bias : f32[48]
                parameter @l.weight : f32[48, 32]
                parameter @n.bias : f32[32]
                parameter @n.weight : f32[32]
                \(statistics)
                %t = tokens_from_image(%x) : f32[1, 20, 32]
                %l = linear(%t, %n.scale, %n.shift, @l.weight, @l.bias) {prologue = [scale_shift]} : f32[1, 20, 48]
                %y = image_from_tokens(%l, %x) : f32[1, 48, 4, 5]@channels_last
                output y = %y
                """))
    }

    @Test(arguments: [
        "%z = add(%n, %n) : f32[1, 32, 4, 5]@channels_last",
        "%z = tokens_from_image(%n) : f32[1, 20, 32]",
        "%t = tokens_from_image(%n) : f32[1, 20, 32]\n%z = silu(%t) : f32[1, 20, 32]",
        // As a residual, and as one of two inputs.
        """
        %z = conv2d(%x, @c.weight, %n) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [add_residual]} : \
        f32[1, 32, 4, 5]@channels_last
        """,
        """
        %z = conv2d(%n, @c.weight, %n) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [add_residual]} : \
        f32[1, 32, 4, 5]@channels_last
        """,
    ])
    func keepsWhatOthersRead(_ reader: String) throws {
        try expectUnchanged(
            norm(
                """
                \(silu) : \(image)
                %y = conv2d(%n, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : \(image)
                \(reader)
                output y = %y
                output z = %z
                """), by: NormOnLoad())
    }

    @Test func keepsWhatIsPutOut() throws {
        try expectUnchanged(
            norm(
                """
                \(silu) : \(image)
                %y = conv2d(%n, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : \(image)
                output y = %y
                output n = %n
                """), by: NormOnLoad())
    }

    @Test func keepsASecondNorm() throws {
        try expectUnchanged(
            norm(
                """
                %a, %b = group_statistics(%r, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32], f32[1, 32]
                \(plain) : \(image)
                %y = conv2d(%n, %a, %b, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1], prologue = [scale_shift]} : \(image)
                output y = %y
                """), by: NormOnLoad())
    }

    @Test func keepsOtherLayoutsAndActivations() throws {
        try expectUnchanged(
            norm(
                """
                \(silu) : f32[1, 32, 4, 5]
                %y = conv2d(%n, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 4, 5]
                output y = %y
                """, layout: ""), by: NormOnLoad())
    }

    private func rows(_ lines: String) -> String {
        graph(
            """
            input %x : f32[1, 20, 32]
            parameter @l.weight : f32[48, 32]
            parameter @m.bias : f32[48]
            parameter @m.weight : f32[48, 32]
            parameter @n.bias : f32[32]
            parameter @n.weight : f32[32]
            \(lines)
            output y = %y
            output z = %z
            """)
    }

    private let layerNorm = "%n = layer_norm(%x, @n.weight, @n.bias) {epsilon = 1e-05} : f32[1, 20, 32]"

    @Test func layerNormGoesIntoLinearLayers() throws {
        try expectRewrite(
            rows(
                """
                \(layerNorm)
                %y = linear(%n, @l.weight) : f32[1, 20, 48]
                %z = linear(%n, @m.weight, @m.bias) {epilogue = [add_bias, gelu]} : f32[1, 20, 48]
                """), by: NormOnLoad(),
            gives: rows(
                """
                %y = linear(%x, @n.weight, @n.bias, @l.weight) {epsilon = 1e-05, prologue = [layer_norm]} : f32[1, 20, 48]
                %z = linear(%x, @n.weight, @n.bias, @m.weight, @m.bias) {epsilon = 1e-05, prologue = [layer_norm], epilogue = [add_bias, gelu]} : f32[1, 20, 48]
                """))
    }

    @Test(arguments: [
        "%z = silu(%n) : f32[1, 20, 32]",
        "%z = linear(%n, @n.weight, @n.bias, @l.weight) {epsilon = 0.001, prologue = [layer_norm]} : f32[1, 20, 48]",
        "%z = linear(%n, @l.weight) {prologue = [silu]} : f32[1, 20, 48]",
    ])
    func keepsLayerNormsOfOthers(_ reader: String) throws {
        try expectUnchanged(rows("\(layerNorm)\n%y = linear(%n, @m.weight, @m.bias) : f32[1, 20, 48]\n\(reader)"), by: NormOnLoad())
    }

    @Test func keepsALayerNormThatIsPutOut() throws {
        try expectUnchanged(
            rows("\(layerNorm)\n%y = linear(%n, @m.weight, @m.bias) : f32[1, 20, 48]\n%z = silu(%y) : f32[1, 20, 48]")
                .replacing("output z = %z", with: "output z = %z\n  output n = %n"), by: NormOnLoad())
    }
}
