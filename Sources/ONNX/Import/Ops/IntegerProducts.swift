import Files
import Operators
import Tensors

extension ImportRule {
    static let integerProducts: [ImportRule] = [
        .one("MatMulInteger") { node in
            let a = try node.withoutZeroPoint(node.input(0), node.optionalInput(2), axis: -2)
            let b = try node.withoutZeroPoint(node.input(1), node.optionalInput(3), axis: -1)
            return try node.matrixProduct(a, b)
        },
        .one("QLinearMatMul") { node in
            let a = try node.withoutZeroPoint(node.input(0), node.input(2), axis: -2)
            let b = try node.withoutZeroPoint(node.input(3), node.input(5), axis: -1)
            let product = try node.cast(node.matrixProduct(a, b), to: .float64)
            let scaleA = try node.alongAxis(node.input(1), of: a, axis: -2)
            let scaleB = try node.alongAxis(node.input(4), of: b, axis: -1)
            let scale = try node.divide(
                node.multiply(node.cast(scaleA, to: .float64), node.cast(scaleB, to: .float64)),
                node.cast(node.alongAxis(node.input(6), of: product, axis: -2), to: .float64))
            let zeroPoint = try node.alongAxis(node.input(7), of: product, axis: -2)
            return try node.quantized(node.multiply(product, scale), zeroPoint: zeroPoint, to: node.elementType(zeroPoint))
        },
        .one("ConvInteger") { node in
            let x = try node.withoutZeroPoint(node.input(0), node.optionalInput(2), axis: 1)
            let w = try node.withoutZeroPoint(node.input(1), node.optionalInput(3), axis: 0)
            return try node.integerConvolution(x, w)
        },
        .one("QLinearConv") { node in
            let x = try node.withoutZeroPoint(node.input(0), node.input(2), axis: 1)
            let w = try node.withoutZeroPoint(node.input(3), node.input(5), axis: 0)
            var sum = try node.integerConvolution(x, w)
            if let bias = node.optionalInput(8) { sum = try node.add(sum, node.alongAxis(bias, of: sum, axis: 1)) }
            let weightScale = try node.alongAxis(node.input(4), of: sum, axis: 1)
            let scale = try node.divide(
                node.multiply(node.cast(node.reshape(node.input(1), []), to: .float64), node.cast(weightScale, to: .float64)),
                node.cast(node.reshape(node.input(6), []), to: .float64))
            let zeroPoint = try node.reshape(node.input(7), [])
            return try node.quantized(node.multiply(node.cast(sum, to: .float64), scale), zeroPoint: zeroPoint, to: node.elementType(zeroPoint))
        },
    ]
}

extension NodeImport {
    /// One number, or one for each index of an axis, in a shape that broadcasts with a tensor.
    fileprivate func alongAxis(_ numbers: ImportedValue, of x: ImportedValue, axis given: Int) throws -> ImportedValue {
        if type(numbers).elementCount == 1 { return try reshape(numbers, []) }
        let rank = rank(x)
        // With all its dimensions it broadcasts as it is.
        if self.rank(numbers) == rank, rank > 1 { return numbers }
        let axis = try axis(given, rank: rank)
        guard self.rank(numbers) == 1, shape(numbers)[0] == shape(x)[axis] else {
            throw InputError("\(type(numbers)) does not go with dimension \(axis) of \(type(x))")
        }
        return try reshape(numbers, Shape((0..<rank).map { $0 == axis ? shape(x)[axis] : 1 }))
    }

    /// 8-bit integers as i32, less their zero point.
    fileprivate func withoutZeroPoint(_ x: ImportedValue, _ zeroPoint: ImportedValue?, axis: Int) throws -> ImportedValue {
        guard [.uint8, .int8].contains(elementType(x)) else { throw InputError("8-bit integers are needed, not \(type(x))") }
        let wide = try cast(x, to: .int32)
        guard let zeroPoint else { return wide }
        return try subtract(wide, cast(alongAxis(zeroPoint, of: x, axis: rank(x) == 1 ? 0 : axis), to: .int32))
    }

    /// A convolution of i32 images as an exact product: each output position's patch becomes a column.
    fileprivate func integerConvolution(_ x: ImportedValue, _ w: ImportedValue) throws -> ImportedValue {
        guard rank(x) >= 3, rank(w) == rank(x) else { throw InputError("weights \(type(w)) do not go with \(type(x))") }
        let kernel = Array(shape(w).dimensions.dropFirst(2))
        let window = try window(sizes: Array(shape(x).dimensions.dropFirst(2)), kernel: kernel)
        let groups = try integer("group", default: 1)
        let (batch, channels, outputs, count) = (shape(x)[0], shape(x)[1], shape(w)[0], kernel.count)
        guard groups > 0, channels == shape(w)[1] * groups, outputs % groups == 0 else {
            throw InputError("\(channels) channels do not go with weights \(type(w)) in \(groups) groups")
        }
        let padded = try apply(
            Operators.Pad(before: [0, 0] + window.padding[..<count], after: [0, 0] + window.padding[count...]), x)
        var patches = padded
        var sizes: [Int] = []
        // One axis after the other: [N, C, ..., size, ...] to [N, C, ..., k out, ...].
        for axis in 0..<count {
            let reach = window.dilations[axis] * (kernel[axis] - 1) + 1
            let room = shape(padded)[2 + axis] - reach
            guard room >= 0 else { throw InputError("\(type(x)) is smaller than the kernel") }
            let size = room / window.strides[axis] + 1
            guard size <= 1 << 24 / kernel[axis] else { throw InputError("\(type(x)) is too large") }
            sizes.append(size)
            let positions = (0..<kernel[axis]).flatMap { k in (0..<size).map { k * window.dilations[axis] + $0 * window.strides[axis] } }
            patches = try apply(Operators.Gather(axis: 2 + axis), patches, constant(positions))
        }
        let split = try reshape(patches, Shape([batch, groups, channels / groups] + zip(kernel, sizes).flatMap { [$0, $1] }))
        let kernelAxes = (0..<count).map { 3 + 2 * $0 }
        let ordered = try transpose(split, [0, 1, 2] + kernelAxes + kernelAxes.map { $0 + 1 })
        let depth = channels / groups * kernel.reduce(1, *)
        let columns = try reshape(ordered, [batch, groups, depth, sizes.reduce(1, *)])
        let rows = try reshape(w, [1, groups, outputs / groups, depth])
        return try reshape(apply(MatMulInteger(), rows, columns), Shape([batch, outputs] + sizes))
    }
}
