import Operators
import Tensors

extension ExportBody {
    /// The image that convolutions and group statistics read.
    mutating func image(_ fused: FusedOperands<Int>) -> String {
        let parts = fused.images.map { image in
            image.addend.map { apply("Add", [operands[image.image], operands[$0]]) } ?? operands[image.image]
        }
        return concatenated(parts, axis: 1)
    }

    mutating func upsampled(_ x: String, _ factor: Int) -> String {
        let scales = constant(.floats([1, 1, Double(factor), Double(factor)], shape: [4], .float32))
        return apply(
            "Resize", [x, "", scales],
            [
                "coordinate_transformation_mode": .string("asymmetric"), "mode": .string("nearest"), "nearest_mode": .string("floor"),
            ])
    }
}

extension Conv2D: ExportableOp {
    public var isStandard: Bool {
        upsampling == nil && inputChannels == nil && flipsWeight == nil && prologue == nil && epilogue == nil
    }

    public func export(_ body: inout ExportBody) -> [String] {
        let fused = fusedOperands(Array(body.operands.indices))!
        var x = body.image(fused)
        if let norm = fused[.scaleShift]?.map({ body.channels(body.operands[$0], rank: 2) }) {
            x = body.apply("Add", [body.apply("Mul", [x, norm[0]]), norm[1]])
        }
        if prologue?.contains(.silu) == true { x = body.silu(x) }
        if let upsampling { x = body.upsampled(x, upsampling) }
        var weight = body.operands[fused.weights[0]]
        if flipsWeight == true {
            let bounds = [[-1, -1], [Int(Int32.min), Int(Int32.min)], [2, 3], [-1, -1]].map { body.integers($0) }
            weight = body.apply("Slice", [body.transposed(weight, [1, 0, 2, 3])] + bounds)
        }
        if let bounds = inputChannels {
            let parts = Swift.stride(from: 0, to: bounds.count, by: 2).map {
                body.sliced(weight, starts: [bounds[$0]], ends: [bounds[$0 + 1]], axes: [1])
            }
            weight = body.concatenated(parts, axis: 1)
        }
        let y = body.convolution([x, weight] + (fused[.addBias] ?? []).map { body.operands[$0] }, self)
        return body.epilogue(y, fused, addsBias: false, momentsOver: [2, 3])
    }
}

extension ExportBody {
    /// Mean and variance of each channel, [N, C, 2].
    mutating func moments(_ x: String, over axes: [Int]) -> String {
        func average(_ x: String, keeping: Bool) -> String { apply("ReduceMean", [x], ["axes": .integers(axes), "keepdims": .integer(keeping ? 1 : 0)]) }
        let centred = apply("Sub", [x, average(x, keeping: true)])
        let parts = [average(x, keeping: false), average(apply("Mul", [centred, centred]), keeping: false)]
        let last = integers([-1])
        return concatenated(parts.map { apply("Unsqueeze", [$0, last]) }, axis: -1)
    }

    fileprivate mutating func convolution(_ inputs: [String], _ op: Conv2D) -> String {
        apply(
            "Conv", inputs,
            [
                "strides": .integers(op.stride), "pads": .integers(op.padding), "dilations": .integers(op.dilation ?? [1, 1]),
                "group": .integer(op.groups ?? 1),
            ])
    }
}

extension UpsampleNearest: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] { [body.upsampled(body.operands[0], factor)] }
}
