import GraphPasses
import Testing

@Suite struct RaiseImageOpsTests {
    private func unfold(rows: String = "0.0, 1.0, 1.0, 2.0, 2.0, 3.0") -> String {
        graph(
            """
            input %x : f32[1, 4, 2, 5]
            %rows = constant() {element_type = i64, shape = [3, 2], values = [\(rows)]} : i64[3, 2]
            %columns = constant() {element_type = i64, shape = [1, 5], values = [0.0, 1.0, 2.0, 3.0, 4.0]} : i64[1, 5]
            %p = pad(%x) {before = [0, 0, 1, 0], after = [0, 0, 1, 0], mode = constant} : f32[1, 4, 4, 5]
            %r = gather(%p, %rows) {axis = 2} : f32[1, 4, 3, 2, 5]
            %c = gather(%r, %columns) {axis = 4} : f32[1, 4, 3, 2, 1, 5]
            %t = transpose(%c) {permutation = [0, 1, 2, 4, 3, 5]} : f32[1, 4, 3, 1, 2, 5]
            %u = reshape(%t) {shape = [1, 4, 3, 2, 5]} : f32[1, 4, 3, 2, 5]
            output y = %u
            """)
    }

    @Test func raisesUnfold() throws {
        try expectRewrite(
            unfold(), by: RaiseImageOps(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 4, 2, 5]
                %u = unfold(%x) {kernel_size = [3, 1]} : f32[1, 4, 3, 2, 5]
                output y = %u
                """))
    }

    @Test func keepsAnotherShape() throws {
        let flat = unfold().replacing(
            "%u = reshape(%t) {shape = [1, 4, 3, 2, 5]} : f32[1, 4, 3, 2, 5]", with: "%u = reshape(%t) {shape = [1, 12, 10]} : f32[1, 12, 10]")
        try expectRewrite(
            flat, by: RaiseImageOps(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 4, 2, 5]
                %u.unfold = unfold(%x) {kernel_size = [3, 1]} : f32[1, 4, 3, 2, 5]
                %u = reshape(%u.unfold) {shape = [1, 12, 10]} : f32[1, 12, 10]
                output y = %u
                """))
    }

    @Test func leavesOtherRows() throws { try expectUnchanged(unfold(rows: "0.0, 1.0, 1.0, 2.0, 3.0, 3.0"), by: RaiseImageOps()) }

    @Test func leavesOtherPadding() throws {
        try expectUnchanged(
            unfold().replacing("before = [0, 0, 1, 0], after = [0, 0, 1, 0]", with: "before = [0, 0, 2, 0], after = [0, 0, 0, 0]"), by: RaiseImageOps())
        try expectUnchanged(unfold().replacing("mode = constant", with: "mode = edge"), by: RaiseImageOps())
    }

    @Test(arguments: [
        "coordinates = asymmetric, nearest_mode = floor", "coordinates = half_pixel", "coordinates = half_pixel, nearest_mode = round_prefer_ceil",
    ])
    func raisesUpsampling(_ how: String) throws {
        try expectRewrite(
            graph(
                """
                input %x : f32[1, 4, 2, 5]
                %y = resize(%x) {mode = nearest, sizes = [1, 4, 6, 15], scales = [1.0, 1.0, 3.0, 3.0], \(how)} : f32[1, 4, 6, 15]
                output y = %y
                """), by: RaiseImageOps(),
            gives: graph(
                """
                input %x : f32[1, 4, 2, 5]
                %y = upsample_nearest(%x) {factor = 3} : f32[1, 4, 6, 15]
                output y = %y
                """))
    }

    @Test(arguments: [
        "mode = nearest, sizes = [1, 4, 4, 10], scales = [1.0, 1.0, 2.0, 2.0], coordinates = asymmetric, nearest_mode = ceil",
        "mode = nearest, sizes = [1, 4, 4, 10], scales = [1.0, 1.0, 2.0, 2.0], coordinates = align_corners, nearest_mode = floor",
        "mode = linear, sizes = [1, 4, 4, 10], scales = [1.0, 1.0, 2.0, 2.0], coordinates = half_pixel",
    ]) func leavesOtherWaysToResize(_ how: String) throws {
        try expectUnchanged(
            graph(
                """
                input %x : f32[1, 4, 2, 5]
                %y = resize(%x) {\(how)} : f32[1, 4, 4, 10]
                output y = %y
                """), by: RaiseImageOps())
    }

    private func padded(_ pad: String, _ operands: String = "%x", _ type: String = "f32[1, 4, 5, 6]") -> String {
        graph(
            """
            input %x : f32[1, 4, 4, 5]
            parameter @w : f32[2, 4, 3, 3]
            %value = constant() {element_type = f32, shape = [], values = [\(pad.contains("value") ? "1.0" : "0.0")]} : f32[]
            %p = pad(\(operands)) {\(pad.replacing("value", with: ""))} : \(type)
            %y = conv2d(%p, @w) {stride = [2, 2], padding = [0, 1, 0, 0]} : f32[1, 2, 2, 3]
            output y = %y
            """)
    }

    @Test func foldsPadding() throws {
        let before = padded("before = [0, 0, 0, 0], after = [0, 0, 1, 1], mode = constant", "%x, %value")
        try expectRewrite(
            before, by: RaiseImageOps(), EliminateDeadCode(),
            gives: graph(
                """
                input %x : f32[1, 4, 4, 5]
                parameter @w : f32[2, 4, 3, 3]
                %y = conv2d(%x, @w) {stride = [2, 2], padding = [0, 1, 1, 1]} : f32[1, 2, 2, 3]
                output y = %y
                """))
    }

    @Test func leavesPaddingWithOtherNumbers() throws {
        try expectUnchanged(padded("before = [0, 0, 0, 0], after = [0, 0, 1, 1], mode = constantvalue", "%x, %value"), by: RaiseImageOps())
        try expectUnchanged(padded("before = [0, 0, 0, 0], after = [0, 0, 1, 1], mode = edge"), by: RaiseImageOps())
    }

    @Test func raisesTheSumOfOneAxis() throws {
        func sum(_ op: String) -> String {
            graph(
                """
                input %x : f32[2, 3, 4]
                %y = \(op) : f32[2, 4]
                output y = %y
                """)
        }
        try expectRewrite(
            sum("reduce(%x) {function = sum, axes = [1], keeps_dimensions = false}"), by: RaiseImageOps(), gives: sum("reduce_sum(%x) {axis = 1}"))
        try expectUnchanged(sum("reduce(%x) {function = mean, axes = [1], keeps_dimensions = false}"), by: RaiseImageOps())
    }
}
