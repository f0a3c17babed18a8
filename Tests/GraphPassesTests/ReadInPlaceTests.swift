import GraphPasses
import Testing

private func twoImages(_ lines: String, layout: String = "@channels_last", outputs: String = "output y = %y") -> String {
    graph(
        """
        input %a : f32[1, 24, 4, 5]\(layout)
        input %b : f32[1, 8, 4, 5]\(layout)
        input %d : f32[1, 8, 4, 5]\(layout)
        input %r : f32[1, 32, 4, 5]\(layout)
        input %t : f32[1, 20, 6]
        parameter @c.weight : f32[16, 32, 3, 3]
        parameter @e.weight : f32[16, 8, 3, 3]
        parameter @n.bias : f32[32]
        parameter @n.weight : f32[32]
        \(lines)
        \(outputs)
        """)
}

@Suite struct ReadConcatInPlaceTests {
    private let concat = "%c = concat(%a, %b) {axis = 1} : f32[1, 32, 4, 5]@channels_last"
    private let convolution = "stride = [1, 1], padding = [1, 1, 1, 1]"
    private let result = "f32[1, 16, 4, 5]@channels_last"

    @Test func readsTwoInputs() throws {
        try expectRewrite(
            twoImages(
                """
                \(concat)
                %s, %h = group_statistics(%c, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32], f32[1, 32]
                %y = conv2d(%c, %s, %h, @c.weight) {\(convolution), prologue = [scale_shift, silu]} : \(result)
                %z = image_from_tokens(%t, %c) : f32[1, 6, 4, 5]@channels_last
                """, outputs: "output y = %y\noutput z = %z"), by: ReadConcatInPlace(),
            gives: twoImages(
                """
                %s, %h = group_statistics(%a, %b, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, prologue = [concat]} : \
                f32[1, 32], f32[1, 32]
                %y = conv2d(%a, %b, %s, %h, @c.weight) {\(convolution), prologue = [concat, scale_shift, silu]} : \(result)
                %z = image_from_tokens(%t, %a) : f32[1, 6, 4, 5]@channels_last
                """, outputs: "output y = %y\noutput z = %z"))
    }

    @Test func keepsWhatOthersRead() throws {
        let y = "%y = conv2d(%c, @c.weight) {\(convolution)} : \(result)"
        let two = "output y = %y\noutput z = %z"
        try expectUnchanged(twoImages("\(concat)\n\(y)\n%z = silu(%c) : f32[1, 32, 4, 5]@channels_last", outputs: two), by: ReadConcatInPlace())
        try expectUnchanged(twoImages("\(concat)\n\(y)", outputs: "output y = %y\noutput z = %c"), by: ReadConcatInPlace())
        // As a second input, and with an addend.
        try expectUnchanged(
            graph(
                """
                input %a : f32[1, 24, 4, 5]@channels_last
                input %b : f32[1, 8, 4, 5]@channels_last
                input %r : f32[1, 32, 4, 5]@channels_last
                parameter @c.weight : f32[16, 64, 3, 3]
                parameter @d.weight : f32[16, 32, 3, 3]
                \(concat)
                %y = conv2d(%r, %c, @c.weight) {\(convolution), prologue = [concat]} : \(result)
                output y = %y
                """), by: ReadConcatInPlace())
        try expectUnchanged(
            twoImages("\(concat)\n%y = conv2d(%c, %r, @c.weight) {\(convolution), prologue = [add]} : \(result)"),
            by: ReadConcatInPlace())
    }

    @Test func keepsOtherConcatenations() throws {
        try expectUnchanged(
            twoImages(
                """
                %c = concat(%b, %b, %d, %d) {axis = 1} : f32[1, 32, 4, 5]@channels_last
                %y = conv2d(%c, @c.weight) {\(convolution)} : \(result)
                """), by: ReadConcatInPlace())
        try expectUnchanged(
            twoImages(
                """
                %c = concat(%b, %d) {axis = 3} : f32[1, 8, 4, 10]@channels_last
                %y = conv2d(%c, @e.weight) {\(convolution)} : f32[1, 16, 4, 10]@channels_last
                """), by: ReadConcatInPlace())
        try expectUnchanged(
            twoImages(
                """
                %c = concat(%a, %b) {axis = 1} : f32[1, 32, 4, 5]
                %y = conv2d(%c, @c.weight) {\(convolution)} : f32[1, 16, 4, 5]
                """, layout: ""), by: ReadConcatInPlace())
    }
}

@Suite struct ReadSumInPlaceTests {
    private let sum = "%c = add(%b, %d) : f32[1, 8, 4, 5]@channels_last"
    private let convolution = "stride = [1, 1], padding = [1, 1, 1, 1]"
    private let result = "f32[1, 16, 4, 5]@channels_last"

    @Test func addsToEitherInput() throws {
        try expectRewrite(
            twoImages(
                """
                \(sum)
                %s, %h = group_statistics(%a, %c, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, prologue = [concat]} : \
                f32[1, 32], f32[1, 32]
                %y = conv2d(%a, %c, %s, %h, @c.weight) {\(convolution), prologue = [concat, scale_shift]} : \(result)
                %z = conv2d(%c, @e.weight) {\(convolution)} : \(result)
                """, outputs: "output y = %y\noutput z = %z"), by: ReadSumInPlace(),
            gives: twoImages(
                """
                %s, %h = group_statistics(%a, %b, %d, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, prologue = [concat, add]} : f32[1, 32], f32[1, 32]
                %y = conv2d(%a, %b, %d, %s, %h, @c.weight) {\(convolution), prologue = [concat, add, scale_shift]} : \(result)
                %z = conv2d(%b, %d, @e.weight) {\(convolution), prologue = [add]} : \(result)
                """, outputs: "output y = %y\noutput z = %z"))
    }

    @Test func keepsOthers() throws {
        let y = "%y = conv2d(%c, @e.weight) {\(convolution)} : \(result)"
        let two = "output y = %y\noutput z = %z"
        try expectUnchanged(twoImages("\(sum)\n\(y)\n%z = silu(%c) : f32[1, 8, 4, 5]@channels_last", outputs: two), by: ReadSumInPlace())
        try expectUnchanged(twoImages("\(sum)\n\(y)", outputs: "output y = %y\noutput z = %c"), by: ReadSumInPlace())
        try expectUnchanged(
            twoImages("\(sum)\n%y = conv2d(%c, %b, @e.weight) {\(convolution), prologue = [add]} : \(result)"),
            by: ReadSumInPlace())
        // Added to each pixel alike.
        try expectUnchanged(
            twoImages(
                """
                %v = reduce_sum(%t) {axis = 0} : f32[20, 6]
                %w = unsqueeze(%v) {count = 2} : f32[20, 6, 1, 1]
                %c = add(%w, %w) : f32[20, 6, 1, 1]
                %y = silu(%c) : f32[20, 6, 1, 1]
                """), by: ReadSumInPlace())
        try expectUnchanged(
            twoImages("%c = add(%b, %d) : f32[1, 8, 4, 5]\n%y = conv2d(%c, @e.weight) {\(convolution)} : f32[1, 16, 4, 5]", layout: ""),
            by: ReadSumInPlace())
    }
}
