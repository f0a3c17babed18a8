import GraphPasses
import Testing

@Suite struct TakeMomentsTests {
    private let image = "f32[1, 8, 4, 5]@channels_last"
    private let plain = "stride = [1, 1], padding = [1, 1, 1, 1]"

    private func images(_ lines: String) -> String {
        graph(
            """
            input %x : \(image)
            input %r : \(image)
            input %t : f32[1, 20, 6]
            input %u : f32[8, 6]
            parameter @c.weight : f32[8, 8, 3, 3]
            parameter @l.weight : f32[8, 6]
            parameter @m.bias : f32[16]
            parameter @m.weight : f32[16]
            parameter @n.bias : f32[8]
            parameter @n.weight : f32[8]
            \(lines)
            output s = %s
            output h = %h
            """)
    }

    @Test func fromAConvolution() throws {
        try expectRewrite(
            images(
                """
                %y = conv2d(%x, @c.weight, %r) {\(plain), epilogue = [add_residual]} : \(image)
                %s, %h = group_statistics(%y, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05} : f32[1, 8], f32[1, 8]
                output y = %y
                """), by: TakeMoments(),
            gives: images(
                """
                %y, %y.moments = conv2d(%x, @c.weight, %r) {\(plain), epilogue = [add_residual, take_moments]} : \(image), f32[1, 8, 2]
                %s, %h = group_statistics(%y, %y.moments, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05, prologue = [moments]} \
                : f32[1, 8], f32[1, 8]
                output y = %y
                """))
    }

    @Test func fromALinearLayer() throws {
        try expectRewrite(
            images(
                """
                %l = linear(%t, @l.weight) : f32[1, 20, 8]
                %y = image_from_tokens(%l, %x) : \(image)
                %s, %h = group_statistics(%y, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05} : f32[1, 8], f32[1, 8]
                """), by: TakeMoments(),
            gives: images(
                """
                %l, %l.moments = linear(%t, @l.weight) {epilogue = [take_moments]} : f32[1, 20, 8], f32[1, 8, 2]
                %y = image_from_tokens(%l, %x) : \(image)
                %s, %h = group_statistics(%y, %l.moments, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05, prologue = [moments]} \
                : f32[1, 8], f32[1, 8]
                """))
    }

    /// Two readers share them; of two images each is taken for itself.
    @Test func fromOneOfTwo() throws {
        let two = "groups = 4, epsilon = 1e-05, prologue = [concat"
        try expectRewrite(
            images(
                """
                %y = conv2d(%x, @c.weight) {\(plain)} : \(image)
                %s, %h = group_statistics(%r, %y, @m.weight, @m.bias) {\(two)]} : f32[1, 16], f32[1, 16]
                %a, %b = group_statistics(%y, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05} : f32[1, 8], f32[1, 8]
                output a = %a
                output b = %b
                """), by: TakeMoments(),
            gives: images(
                """
                %y, %y.moments = conv2d(%x, @c.weight) {\(plain), epilogue = [take_moments]} : \(image), f32[1, 8, 2]
                %s, %h = group_statistics(%r, %y, %y.moments, @m.weight, @m.bias) {\(two), moments]} : f32[1, 16], f32[1, 16]
                %a, %b = group_statistics(%y, %y.moments, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05, prologue = [moments]} \
                : f32[1, 8], f32[1, 8]
                output a = %a
                output b = %b
                """))
    }

    @Test func leavesWhatCannot() throws {
        let norm = "{groups = 2, epsilon = 1e-05} : f32[1, 8], f32[1, 8]"
        // A sum, an input, a weight that is no parameter.
        try expectUnchanged(
            images(
                """
                %y = conv2d(%x, @c.weight) {\(plain)} : \(image)
                %s, %h = group_statistics(%y, %r, @n.weight, @n.bias) {groups = 2, epsilon = 1e-05, prologue = [add]} \
                : f32[1, 8], f32[1, 8]
                """), by: TakeMoments())
        try expectUnchanged(images("%s, %h = group_statistics(%x, @n.weight, @n.bias) \(norm)"), by: TakeMoments())
        try expectUnchanged(
            images(
                """
                %l = linear(%t, %u) : f32[1, 20, 8]
                %y = image_from_tokens(%l, %x) : \(image)
                %s, %h = group_statistics(%y, @n.weight, @n.bias) \(norm)
                """), by: TakeMoments())
    }
}
