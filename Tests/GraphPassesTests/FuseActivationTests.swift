import GraphPasses
import Testing

@Suite struct FuseGroupNormSiLUTests {
    private func norm(_ lines: String) -> String {
        graph("input %x : f32[1, 32, 4, 5]\nparameter @n.bias : f32[32]\nparameter @n.weight : f32[32]\n\(lines)\noutput y = %y")
    }

    @Test func fuses() throws {
        try expectRewrite(
            norm(
                """
                %n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32, 4, 5]
                %y = silu(%n) : f32[1, 32, 4, 5]
                """), by: FuseGroupNormSiLU(),
            gives: norm(
                "%y = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, activation = silu} : f32[1, 32, 4, 5]"))
    }

    @Test func keepsANormThatOthersRead() throws {
        try expectUnchanged(
            norm(
                """
                %n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32, 4, 5]
                %s = silu(%n) : f32[1, 32, 4, 5]
                %y = add(%n, %s) : f32[1, 32, 4, 5]
                """), by: FuseGroupNormSiLU())
    }

    @Test func keepsASecondSiLU() throws {
        try expectUnchanged(
            norm(
                """
                %n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05, activation = silu} : f32[1, 32, 4, 5]
                %y = silu(%n) : f32[1, 32, 4, 5]
                """), by: FuseGroupNormSiLU())
    }
}

@Suite struct FuseGEGLUTests {
    private func feedForward(_ lines: String) -> String {
        graph("input %x : f32[1, 7, 16]\nparameter @l.bias : f32[64]\nparameter @l.weight : f32[64, 16]\n\(lines)\noutput y = %y")
    }

    private func gated(
        linear: String = "linear(%x, @l.weight, @l.bias)", split: String = "axis = 2, parts = 2", gate: String = "%g",
        product: String = "%a, %h", extra: String = ""
    ) -> String {
        feedForward(
            """
            %l = \(linear) : f32[1, 7, 64]
            %a, %g = split(%l) {\(split)} : f32[1, 7, 32], f32[1, 7, 32]
            %h = gelu(\(gate)) : f32[1, 7, 32]
            %y = multiply(\(product)) : f32[1, 7, 32]
            \(extra)
            """)
    }

    @Test func fuses() throws {
        let after = feedForward("%y = linear(%x, @l.weight, @l.bias) {epilogue = [add_bias, geglu]} : f32[1, 7, 32]")
        try expectRewrite(gated(), by: FuseGEGLU(), gives: after)
        try expectRewrite(gated(split: "axis = -1, parts = 2", product: "%h, %a"), by: FuseGEGLU(), gives: after)
    }

    @Test func keepsOtherGates() throws {
        try expectUnchanged(gated(gate: "%a", product: "%g, %h"), by: FuseGEGLU())  // the first half is the gate
        try expectUnchanged(gated(product: "%h, %h"), by: FuseGEGLU())
        try expectUnchanged(gated(linear: "linear(%x, @l.weight, @l.bias) {epilogue = [add_bias, silu]}"), by: FuseGEGLU())
    }

    @Test(arguments: ["output l = %l", "output a = %a", "output g = %g", "output h = %h"])
    func keepsWhatOthersRead(_ output: String) throws { try expectUnchanged(gated(extra: output), by: FuseGEGLU()) }

    @Test func keepsHalvesOfAnotherDimension() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 8, 16]
                parameter @l.weight : f32[64, 16]
                %l = linear(%x, @l.weight) : f32[1, 8, 64]
                %a, %g = split(%l) {axis = 1, parts = 2} : f32[1, 4, 64], f32[1, 4, 64]
                %h = gelu(%g) : f32[1, 4, 64]
                %y = multiply(%a, %h) : f32[1, 4, 64]
                output y = %y
                """), by: FuseGEGLU())
    }
}

@Suite struct FuseActivationTests {
    private func layer(_ lines: String, extra: String = "") -> String {
        graph("input %x : f32[1, 7, 16]\nparameter @l.weight : f32[64, 16]\n\(lines)\noutput y = %y\n\(extra)")
    }

    @Test(arguments: ["gelu", "silu"])
    func fusesIntoLinear(_ activation: String) throws {
        try expectRewrite(
            layer("%l = linear(%x, @l.weight) : f32[1, 7, 64]\n%y = \(activation)(%l) : f32[1, 7, 64]"), by: FuseActivation(),
            gives: layer("%y = linear(%x, @l.weight) {epilogue = [\(activation)]} : f32[1, 7, 64]"))
    }

    @Test func keepsASecondActivation() throws {
        try expectUnchanged(
            layer("%l = linear(%x, @l.weight) {epilogue = [gelu]} : f32[1, 7, 64]\n%y = silu(%l) : f32[1, 7, 64]"), by: FuseActivation())
    }

    @Test func keepsALayerThatOthersRead() throws {
        try expectUnchanged(
            layer("%l = linear(%x, @l.weight) : f32[1, 7, 64]\n%y = silu(%l) : f32[1, 7, 64]", extra: "output l = %l"), by: FuseActivation())
    }

    @Test func keepsAnActivationBehindAResidual() throws {
        try expectUnchanged(
            layer(
                """
                %r = scale(%x) {factor = 2.0} : f32[1, 7, 16]
                %w = linear(%x, @l.weight) : f32[1, 7, 64]
                %l = linear(%r, @l.weight, %w) {epilogue = [add_residual]} : f32[1, 7, 64]
                %y = gelu(%l) : f32[1, 7, 64]
                """), by: FuseActivation())
    }

    private func convolution(_ lines: String, layout: String = "@channels_last") -> String {
        graph("input %x : f32[1, 16, 6, 7]\(layout)\nparameter @c.weight : f32[32, 16, 3, 3]\n\(lines)\noutput y = %y")
    }

    @Test func fusesSiLUIntoConvolutions() throws {
        let type = "f32[1, 32, 6, 7]@channels_last"
        try expectRewrite(
            convolution(
                """
                %c = conv2d(%x, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : \(type)
                %y = silu(%c) : \(type)
                """), by: FuseActivation(),
            gives: convolution(
                "%y = conv2d(%x, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [silu]} : \(type)"))
        // There is no kernel for these.
        try expectUnchanged(
            convolution(
                """
                %c = conv2d(%x, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : \(type)
                %y = gelu(%c) : \(type)
                """), by: FuseActivation())
        try expectUnchanged(
            convolution(
                """
                %c = conv2d(%x, @c.weight) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 6, 7]
                %y = silu(%c) : f32[1, 32, 6, 7]
                """, layout: ""), by: FuseActivation())
    }
}
