import Operators
import Tensors

extension ExportBody {
    /// The operand in a role.
    func operand<Role: Equatable>(_ role: Role, _ roles: [Role]) -> String? { roles.firstIndex(of: role).map { operands[$0] } }

    /// The image that convolutions and group statistics read through their roles.
    mutating func image(_ roles: [Conv2D.Operand]) -> String {
        func sum(_ image: Conv2D.Operand, _ addend: Conv2D.Operand) -> String? {
            guard let image = operand(image, roles) else { return nil }
            return operand(addend, roles).map { apply("Add", [image, $0]) } ?? image
        }
        let parts = [sum(.input, .inputAddend), sum(.secondInput, .secondInputAddend)].compactMap { $0 }
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
        operands == nil && upsampling == nil && inputChannels == nil && prologue == nil && activation == nil && moments == nil
    }

    public func export(_ body: inout ExportBody) -> [String] {
        let roles = roles(count: body.operands.count)
        var x = body.image(roles)
        if let scale = body.operand(.normScale, roles), let shift = body.operand(.normShift, roles) {
            x = body.apply("Add", [body.apply("Mul", [x, body.channels(scale, rank: 2)]), body.channels(shift, rank: 2)])
        }
        x = body.activate(x, prologue)
        if let upsampling { x = body.upsampled(x, upsampling) }
        var weight = body.operand(.weight, roles)!
        if let bounds = inputChannels {
            let parts = Swift.stride(from: 0, to: bounds.count, by: 2).map {
                body.sliced(weight, starts: [bounds[$0]], ends: [bounds[$0 + 1]], axes: [1])
            }
            weight = body.concatenated(parts, axis: 1)
        }
        var y = body.convolution([x, weight] + [body.operand(.bias, roles)].compactMap { $0 }, self)
        if let addend = body.operand(.channelAddend, roles) { y = body.apply("Add", [y, body.channels(addend, rank: 2)]) }
        y = body.activate(y, activation)
        if let residual = body.operand(.residual, roles) { y = body.apply("Add", [y, residual]) }
        return [y] + (moments == true ? [body.moments(y, over: [2, 3])] : [])
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
