import GraphPasses
import Testing

@Suite struct FuseUnfoldDotTests {
    private func eac(
        unflatten: String = "axis = 1, sizes = [-1, 9]", product: String = "%u, %k", axis: Int = 2, residual: String = "%c_img",
        outputs: String = "", kernelSize: String = "[3, 3]"
    ) -> String {
        graph(
            """
            input %c_img : f32[1, 4, 8, 8]
            input %other : f32[1, 4, 8, 8]
            input %kernel : f32[1, 36, 8, 8]
            %u = unfold(%c_img) {kernel_size = \(kernelSize)} : f32[1, 4, 9, 8, 8]
            %k = unflatten(%kernel) {\(unflatten)} : f32[1, 4, 9, 8, 8]
            %p = multiply(\(product)) : f32[1, 4, 9, 8, 8]
            %s = reduce_sum(%p) {axis = \(axis)} : f32[1, 4, 8, 8]
            %y = add(%s, \(residual)) : f32[1, 4, 8, 8]
            output y = %y
            \(outputs)
            """)
    }

    private func raised(_ residual: Bool) -> String {
        graph(
            """
            input %c_img : f32[1, 4, 8, 8]
            input %other : f32[1, 4, 8, 8]
            input %kernel : f32[1, 36, 8, 8]
            """
                + (residual
                    ? "\n%y = element_wise_adaptive_convolution(%c_img, %kernel) {kernel_size = 3, residual = true} : f32[1, 4, 8, 8]"
                    : """

                    %s = element_wise_adaptive_convolution(%c_img, %kernel) {kernel_size = 3, residual = false} : f32[1, 4, 8, 8]
                    %y = add(%s, %other) : f32[1, 4, 8, 8]
                    """) + "\noutput y = %y")
    }

    @Test func raises() throws {
        try expectRewrite(eac(), by: FuseUnfoldDot(), gives: raised(true))
        try expectRewrite(eac(unflatten: "axis = 1, sizes = [4, 9]", product: "%k, %u", axis: -3), by: FuseUnfoldDot(), gives: raised(true))
    }

    @Test func takesAnyViewOfTheKernels() throws {
        let view = eac().replacing("unflatten(%kernel) {axis = 1, sizes = [-1, 9]}", with: "reshape(%kernel) {shape = [1, 4, 9, 8, 8]}")
        try expectRewrite(view, by: FuseUnfoldDot(), gives: raised(true))
    }

    @Test func addsNothingButItsImage() throws {
        try expectRewrite(eac(residual: "%other"), by: FuseUnfoldDot(), gives: raised(false))
    }

    @Test(arguments: ["output p = %p", "%t = silu(%p) : f32[1, 4, 9, 8, 8]\noutput t = %t"])
    func keepsProductsThatOthersRead(_ outputs: String) throws {
        try expectUnchanged(eac(outputs: outputs), by: FuseUnfoldDot())
    }

    @Test func keepsKernelsThatAreNotSquare() throws {
        try expectUnchanged(eac(kernelSize: "[9, 1]"), by: FuseUnfoldDot())
    }

    @Test func keepsSumsAlongOtherDimensions() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 4, 9, 9]
                input %kernel : f32[1, 36, 9, 9]
                %u = unfold(%x) {kernel_size = [3, 3]} : f32[1, 4, 9, 9, 9]
                %k = unflatten(%kernel) {axis = 1, sizes = [-1, 9]} : f32[1, 4, 9, 9, 9]
                %p = multiply(%u, %k) : f32[1, 4, 9, 9, 9]
                %y = reduce_sum(%p) {axis = 3} : f32[1, 4, 9, 9]
                output y = %y
                """), by: FuseUnfoldDot())
    }

    @Test func keepsAKernelForAllChannels() throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 4, 8, 8]
                input %kernel : f32[1, 9, 8, 8]
                %u = unfold(%x) {kernel_size = [3, 3]} : f32[1, 4, 9, 8, 8]
                %k = unflatten(%kernel) {axis = 1, sizes = [-1, 9]} : f32[1, 1, 9, 8, 8]
                %p = multiply(%u, %k) : f32[1, 4, 9, 8, 8]
                %y = reduce_sum(%p) {axis = 2} : f32[1, 4, 8, 8]
                output y = %y
                """), by: FuseUnfoldDot())
    }
}
