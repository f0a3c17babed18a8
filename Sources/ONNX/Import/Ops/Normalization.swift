import Files
import Operators
import Tensors

extension ImportRule {
    static let normalization: [ImportRule] = [
        ImportRule("BatchNormalization") { try $0.batchNormalization() },
        .one("InstanceNormalization") { node in
            let x = try node.input(0)
            guard node.rank(x) >= 3 else { throw InputError("an image has at least three dimensions: \(node.type(x))") }
            let epsilon = try node.float("epsilon", default: 1e-5)
            return try node.groupNorm(x, groups: node.shape(x)[1], epsilon: epsilon, scale: node.input(1), bias: node.input(2))
        },
        .one("GroupNormalization") { try $0.groupNormalization() },
        ImportRule("LayerNormalization") { try $0.layerNormalization() },
        .one("RMSNormalization") { try $0.rootMeanSquareNormalization() },
        .one("LpNormalization") { node in
            let x = try node.input(0)
            let axis = try node.axis(node.integer("axis", default: -1), rank: node.rank(x))
            let p = try node.integer("p", default: 2)
            guard p == 1 || p == 2 else { throw InputError("its attribute 'p' must be 1 or 2, not \(p)") }
            let norm = try node.reduce(p == 1 ? .l1 : .l2, x, axes: [axis])
            // Zeros stay zeros.
            let isZero = try node.binary(.equal, norm, node.scalar(0, like: x))
            return try node.divide(x, node.apply(Select(), isZero, node.scalar(1, like: x), norm))
        },
        .one("MeanVarianceNormalization") { node in
            let x = try node.input(0)
            let axes = try node.axes(node.integers("axes") ?? [0, 2, 3], rank: node.rank(x))
            let centred = try node.subtract(x, node.reduce(.mean, x, axes: axes))
            let variance = try node.reduce(.mean, node.multiply(centred, centred), axes: axes)
            return try node.divide(centred, node.add(node.unary(.sqrt, variance), node.scalar(1e-9, like: x)))
        },
        .one("LRN") { try $0.localResponseNormalization() },
    ]
}

extension NodeImport {
    /// Numbers of a norm that its op reads as f32: the model's weights as parameters, what is written in the graph as what it is.
    private func normWeight(_ value: ImportedValue) throws -> (value: ImportedValue, role: ConstantRole) {
        guard elementType(value).isFloatingPoint else { throw InputError("weights must be of a float type, not \(type(value))") }
        if isWeight(value) { return (value, .weight) }
        return (try cast(value, to: .float32), .operand)
    }

    func groupNorm(_ x: ImportedValue, groups: Int, epsilon: Float, scale: ImportedValue, bias: ImportedValue) throws -> ImportedValue {
        nameWeight(scale, "weight")
        nameWeight(bias, "bias")
        let weights = [try normWeight(scale), try normWeight(bias)]
        return try inFloat32([x]) {
            let op = GroupNorm(groups: groups, epsilon: epsilon)
            return try importer.apply(op, [($0[0], .operand)] + weights, name: "\(hint).\(op.name)")[0]
        }
    }

    /// With opset 21 scale and bias came to be one a channel; before, they were one a group.
    fileprivate func groupNormalization() throws -> ImportedValue {
        let x = try input(0)
        guard rank(x) >= 3 else { throw InputError("an image has at least three dimensions: \(type(x))") }
        let (groups, channels) = (try requiredInteger("num_groups"), shape(x)[1])
        guard groups > 0, channels % groups == 0 else { throw InputError("\(channels) channels do not make \(groups) groups") }
        var weights = [try input(1), try input(2)]
        if opset < 21 {
            weights = try weights.map { weight in
                guard shape(weight) == [groups] else { throw InputError("\(type(weight)) is not one number a group") }
                return try reshape(expand(reshape(weight, [groups, 1]), [groups, channels / groups]), [channels])
            }
        }
        return try groupNorm(x, groups: groups, epsilon: float("epsilon", default: 1e-5), scale: weights[0], bias: weights[1])
    }

    fileprivate func layerNormalization() throws -> [ImportedValue?] {
        let (x, scale) = (try input(0), try input(1))
        let shape = shape(x)
        let first = try axis(integer("axis", default: -1), rank: shape.rank)
        let normalized = Shape(Array(shape.dimensions[first...]))
        let width = normalized.elementCount
        func vector(_ value: ImportedValue) throws -> ImportedValue { try reshape(expand(value, normalized), [width]) }
        nameWeight(scale, "weight")
        var weights = [try normWeight(vector(scale))]
        if let bias = optionalInput(2) {
            nameWeight(bias, "bias")
            weights.append(try normWeight(vector(bias)))
        } else {
            weights.append((try expand(scalar(0, .float32), [width]), .operand))
        }
        let epsilon = try float("epsilon", default: 1e-5)
        let result = try inFloat32([x]) {
            let flat = try reshape($0[0], Shape(Array(shape.dimensions[..<first]) + [width]))
            let op = LayerNorm(epsilon: epsilon)
            return try reshape(importer.apply(op, [(flat, .operand)] + weights, name: "\(hint).\(op.name)")[0], shape)
        }
        guard wants(1) || wants(2) else { return [result] }
        let axes = Array(first..<shape.rank)
        let wide = try cast(x, to: .float32)
        let mean = try reduce(.mean, wide, axes: axes)
        let centred = try subtract(wide, mean)
        let variance = try reduce(.mean, multiply(centred, centred), axes: axes)
        return [result, mean, try unary(.reciprocal, unary(.sqrt, add(variance, scalar(Double(epsilon), .float32))))]
    }

    fileprivate func rootMeanSquareNormalization() throws -> ImportedValue {
        let (x, scale) = (try input(0), try input(1))
        let first = try axis(integer("axis", default: -1), rank: rank(x))
        let epsilon = try float("epsilon", default: 1e-5)
        let wide = elementType(x) == .float64 ? x : try cast(x, to: .float32)
        let meanSquare = try reduce(.mean, multiply(wide, wide), axes: Array(first..<rank(x)))
        let root = try unary(.sqrt, add(meanSquare, scalar(Double(epsilon), like: wide)))
        return try multiply(cast(divide(wide, root), to: elementType(scale)), scale)
    }

    fileprivate func batchNormalization() throws -> [ImportedValue?] {
        let x = try input(0)
        guard rank(x) >= 1 else { throw InputError("an image is needed, not \(type(x))") }
        try refuse("spatial", unless: flag("spatial", default: true))
        let epsilon = Double(try float("epsilon", default: 1e-5))
        let channels = rank(x) >= 2 ? shape(x)[1] : 1
        func column(_ value: ImportedValue) throws -> ImportedValue {
            guard type(value).elementCount == channels else { throw InputError("\(type(value)) is not one number for each of \(channels) channels") }
            return try reshape(cast(value, to: .float32), Shape([channels] + [Int](repeating: 1, count: max(0, rank(x) - 2))))
        }
        func normalized(mean: ImportedValue, variance: ImportedValue) throws -> ImportedValue {
            let root = try unary(.sqrt, add(column(variance), scalar(epsilon, .float32)))
            let factor = try divide(column(input(1)), root)
            let addend = try subtract(column(input(2)), multiply(column(mean), factor))
            return try inFloat32([x]) { try add(multiply($0[0], factor), addend) }
        }
        guard try flag("training_mode", default: false) else {
            return [try normalized(mean: input(3), variance: input(4))]
        }
        let axes = (0..<rank(x)).filter { $0 != 1 }
        let wide = try cast(x, to: .float32)
        let mean = try reduce(.mean, wide, axes: axes)
        let centred = try subtract(wide, mean)
        let variance = try reduce(.mean, multiply(centred, centred), axes: axes)
        let momentum = Double(try float("momentum", default: 0.9))
        func running(_ old: ImportedValue, _ new: ImportedValue) throws -> ImportedValue {
            let flat = try cast(reshape(new, [channels]), to: elementType(old))
            return try add(multiply(old, scalar(momentum, like: old)), multiply(flat, scalar(1 - momentum, like: old)))
        }
        return [try normalized(mean: mean, variance: variance), try running(input(3), mean), try running(input(4), variance)]
    }

    /// x / (bias + alpha mean of squares over neighbouring channels) ^ beta, the mean as a pool along the channels.
    fileprivate func localResponseNormalization() throws -> ImportedValue {
        let x = try input(0)
        guard rank(x) >= 2 else { throw InputError("an image is needed, not \(type(x))") }
        let size = try requiredInteger("size")
        guard size > 0, size <= 1 << 20 else { throw InputError("its attribute 'size' cannot be \(size)") }
        let shape = shape(x)
        let pixels = Shape(Array(shape.dimensions.dropFirst(2))).elementCount
        return try inFloat32([x]) {
            let squares = try reshape(multiply($0[0], $0[0]), [shape[0], 1, shape[1], pixels])
            var pool = Pool(
                .average, kernelSize: [size, 1], strides: [1, 1], padding: [(size - 1) / 2, 0, size / 2, 0], dilations: [1, 1])
            pool.countsPadding = true
            let mean = try reshape(apply(pool, squares), shape)
            let alpha = scalar(Double(try float("alpha", default: 1e-4)), .float32)
            let base = try add(multiply(mean, alpha), scalar(Double(try float("bias", default: 1)), .float32))
            return try divide($0[0], binary(.power, base, scalar(Double(try float("beta", default: 0.75)), .float32)))
        }
    }
}
