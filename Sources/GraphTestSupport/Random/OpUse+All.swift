import GraphIR
import Operators
import Tensors

extension OpUse {
    /// Every op of the library on a value of a type, along every axis that it has.
    public static func all(of type: TensorType) -> [OpUse] {
        var uses = movements(type) + choices(type)
        switch type.elementType {
        case .float32: uses += elementwise(type) + reductions(type) + products(type) + images(type) + tokens(type)
        case .bool: uses += logic(type)
        default: uses += integers(type)
        }
        return uses.filter { use in
            guard let results = use.results(type) else { return false }
            return results.allSatisfy { $0.elementCount > 0 && $0.elementCount <= 1 << 15 }
        }
    }

    private static func replacing(_ shape: Shape, _ axis: Int, _ size: Int) -> Shape {
        var result = shape
        result[axis] = size
        return result
    }

    private static func ones(_ rank: Int) -> [Int] { Array(repeating: 1, count: rank) }
    private static func zeros(_ rank: Int) -> [Int] { Array(repeating: 0, count: rank) }

    private static func indices(_ shape: Shape, below limit: Int, type: ElementType = .int64) -> Operand {
        .constant(Constant(type, shape, (0..<shape.elementCount).map { Double(($0 * 7 + 1) % limit) }))
    }

    /// What moves elements of any type.
    private static func movements(_ type: TensorType) -> [OpUse] {
        let (shape, rank) = (type.shape, type.shape.rank)
        var uses: [OpUse] = [
            OpUse(Reshape([shape.elementCount])), OpUse(Reshape(Shape([1] + shape.dimensions))), OpUse(Unsqueeze(count: 1)), OpUse(Unsqueeze(count: 2)),
            OpUse(Expand(Shape([2] + shape.dimensions))), OpUse(Cast(to: .float32), sensitive: true), OpUse(Cast(to: .int32), sensitive: true),
            OpUse(Cast(to: .bool), sensitive: true), OpUse(Cast(to: .float16), sensitive: true),
        ]
        if rank == 4 { uses += [OpUse(ConvertLayout(layout: .channelsLast)), OpUse(ConvertLayout(layout: .rowMajor))] }
        guard rank > 0 else { return uses }
        var permutations = [Array((0..<rank).reversed()), Array(1..<rank) + [0], [rank - 1] + Array(0..<rank - 1)]
        for a in 0..<rank {
            for b in a + 1..<rank {
                var swapped = Array(0..<rank)
                swapped.swapAt(a, b)
                permutations.append(swapped)
                uses.append(OpUse(Flatten(first: a, last: b)))
            }
        }
        uses += permutations.map { OpUse(Transpose(permutation: $0)) }
        for axis in 0..<rank {
            let size = shape[axis]
            for parts in Set([1, 2, 3, size]) where parts <= 4 { uses.append(OpUse(Split(axis: axis, parts: parts))) }
            uses.append(OpUse(Split(axis: axis - rank, sizes: [1, size - 1])))
            let other =
                type.layout == .channelsLast
                ? TensorType(type.elementType, replacing(shape, axis, 1), layout: .channelsLast)
                : TensorType(type.elementType, replacing(shape, axis, 1))
            uses += [
                OpUse(Concat(axis: axis), [.subject, .value(type)]), OpUse(Concat(axis: axis - rank), [.value(other), .subject]),
                OpUse(Concat(axis: axis), [.subject, .value(other), .subject]), OpUse(Tile(repeats: zeros(rank).indices.map { $0 == axis ? 2 : 1 })),
                OpUse(Unflatten(axis: axis, sizes: [2, -1])), OpUse(Unflatten(axis: axis, sizes: [-1, 2, 1])),
            ]
            for (start, count, step) in [(0, size / 2, 1), (size / 2, size - size / 2, 1), (size - 1, 1, 1), (size - 1, size, -1), (0, (size + 1) / 2, 2)] {
                var slice = Slice(starts: zeros(rank), sizes: shape.dimensions, steps: ones(rank))
                (slice.starts[axis], slice.sizes[axis], slice.steps[axis]) = (start, count, step)
                uses.append(OpUse(slice))
            }
            for mode in Pad.Mode.allCases {
                var pad = Pad(before: zeros(rank), after: zeros(rank), mode: mode)
                (pad.before[axis], pad.after[axis]) = (1, 2)
                uses.append(OpUse(pad))
                (pad.before[axis], pad.after[axis]) = (-1, 1)
                uses.append(OpUse(pad))
            }
            uses += [
                OpUse(Gather(axis: axis), [.subject, indices([3], below: size)]),
                OpUse(Gather(axis: axis), [.subject, indices([2, 2], below: size, type: .int32)]),
                OpUse(Gather(axis: axis), [.subject, indices([], below: size)]),
                OpUse(GatherElements(axis: axis), [.subject, indices(replacing(Shape(ones(rank)), axis, 2), below: size)]),
                OpUse(
                    ScatterElements(axis: axis), [.subject, indices(Shape(ones(rank)), below: size), .value(TensorType(type.elementType, Shape(ones(rank))))]
                ),
            ]
        }
        for axis in 1..<max(1, rank) {
            uses.append(OpUse(Reshape(Shape([shape.dimensions[..<axis].reduce(1, *), shape.dimensions[axis...].reduce(1, *)]))))
        }
        uses += [
            OpUse(GatherND(), [.subject, indices([2, 1], below: shape[0])]),
            OpUse(
                ScatterND(),
                [.subject, indices([1, 1], below: shape[0]), .value(TensorType(type.elementType, Shape([1] + shape.dimensions.dropFirst())))]),
        ]
        for upper in [false, true] { for diagonal in [-1, 0, 2] { uses.append(OpUse(Triangle(upper: upper, diagonal: diagonal))) } }
        return uses
    }

    /// Shapes that broadcast with one, in the layouts that they may have.
    private static func partners(_ type: TensorType) -> [TensorType] {
        let d = type.shape.dimensions
        var shapes: [Shape] = [type.shape, [], Shape([1])]
        for axis in d.indices {
            shapes += [replacing(type.shape, axis, 1), replacing(Shape(ones(d.count)), axis, d[axis]), Shape(Array(d[axis...]))]
        }
        return Set(shapes).sorted { "\($0)" < "\($1)" }.flatMap { shape in
            (shape.rank == 4 && type.shape.rank == 4 ? [type.layout, type.layout == .rowMajor ? .channelsLast : .rowMajor] : [.rowMajor]).map {
                TensorType(type.elementType, shape, layout: $0)
            }
        }
    }

    /// What chooses among elements.
    private static func choices(_ type: TensorType) -> [OpUse] {
        var condition = type
        condition.elementType = .bool
        var uses = [OpUse(Select(), [.value(condition), .subject, .value(type)])]
        for partner in partners(type) {
            uses.append(OpUse(Binary(.equal), [.subject, .value(partner)], sensitive: true))
            guard type.elementType != .bool else { continue }
            uses += [OpUse(Add(), [.subject, .value(partner)]), OpUse(Add(), [.value(partner), .subject]), OpUse(Multiply(), [.subject, .value(partner)])]
            uses += [Binary.Function.subtract, .minimum, .maximum].map { OpUse(Binary($0), [.value(partner), .subject]) }
        }
        if type.elementType != .bool {
            for axis in type.shape.dimensions.indices {
                for keeps in [false, true] {
                    uses += ArgReduce.Function.allCases.map { OpUse(ArgReduce($0, axis: axis, keepsDimensions: keeps), sensitive: true) }
                }
                uses.append(OpUse(TopK(axis: axis, k: min(2, type.shape[axis])), sensitive: true))
                uses.append(OpUse(CumulativeSum(axis: axis)))
                uses.append(OpUse(CumulativeSum(axis: axis - type.shape.rank, exclusive: true, reversed: true)))
            }
            uses += [Binary.Function.less, .lessOrEqual, .greater, .greaterOrEqual].map { OpUse(Binary($0), [.subject, .value(type)], sensitive: true) }
        }
        return uses
    }

    private static func logic(_ type: TensorType) -> [OpUse] {
        let floats = TensorType(.float32, type.shape, layout: type.layout)
        return [OpUse(Unary(.not)), OpUse(Select(), [.subject, .value(floats), .value(floats)])]
            + [Binary.Function.and, .or, .xor].map { OpUse(Binary($0), [.subject, .value(type)]) }
    }

    private static func integers(_ type: TensorType) -> [OpUse] {
        [
            OpUse(Unary(.abs)), OpUse(Unary(.negate)), OpUse(Embedding(), [.subject, .parameter("table", [7, 6])]),
            OpUse(Binary(.bitwiseAnd), [.subject, .value(type)]), OpUse(Unary(.bitwiseNot)),
            OpUse(Reduce(.sum, axes: [0], keepsDimensions: false)), OpUse(Reduce(.max, axes: [-1], keepsDimensions: true)),
            OpUse(MatMulInteger(), [.subject, .value(TensorType(.int8, [type.shape.rank == 0 ? 1 : type.shape[-1], 3]))]),
            OpUse(Gather(axis: 0), [.value(TensorType(.float32, [7, 4])), .subject]),
        ]
    }

    private static func elementwise(_ type: TensorType) -> [OpUse] {
        let sensitive: Set<Unary.Function> = [
            .exp, .log, .sqrt, .reciprocal, .sign, .floor, .ceil, .round, .thresholdedReLU, .tan, .asin, .acos, .sinh, .cosh, .acosh, .atanh, .isNaN, .isInf,
        ]
        return [OpUse(SiLU()), OpUse(GELU()), OpUse(Scale(factor: 1)), OpUse(Scale(factor: -0.5)), OpUse(Softmax()), OpUse(CausalMask(), sensitive: true)]
            + Unary.Function.allCases.map { OpUse(Unary($0), sensitive: sensitive.contains($0)) }
            + [Binary.Function.divide, .power, .modulo, .remainder].map { OpUse(Binary($0), [.subject, .value(type)], sensitive: true) }
            + [OpUse(Binary(.prelu), [.subject, .value(type)]), OpUse(TimestepEmbedding(dimension: 6, maxPeriod: 50))]
            + [2, 0.3].map { OpUse(Multiply(), [.subject, .constant(Constant(.float32, [], [$0]))]) }
            + [OpUse(Binary(.divide), [.subject, .constant(Constant(.float32, [1], [4]))]), OpUse(Add(), [.subject, .constant(Constant(.float32, [], [0]))])]
    }

    private static func reductions(_ type: TensorType) -> [OpUse] {
        let rank = type.shape.rank
        guard rank > 0 else { return [] }
        let sensitive: Set<Reduce.Function> = [.product, .logSum, .l2]
        var uses: [OpUse] = []
        for axis in 0..<rank { uses.append(OpUse(ReduceSum(axis: axis))) }
        for axes in (0..<rank).map({ [$0] }) + [[-1, -2], Array(0..<rank), [0, -1]] {
            for function in Reduce.Function.allCases {
                uses.append(OpUse(Reduce(function, axes: axes, keepsDimensions: axes.count == 1), sensitive: sensitive.contains(function)))
            }
            uses.append(OpUse(Reduce(.mean, axes: axes, keepsDimensions: axes.count != 1)))
        }
        return uses
    }

    private static func products(_ type: TensorType) -> [OpUse] {
        let shape = type.shape
        guard let last = shape.dimensions.last else { return [] }
        var uses = [
            OpUse(LayerNorm(epsilon: 1e-3), [.subject, .parameter("weight", [last]), .parameter("bias", [last])]),
            OpUse(Linear(), [.subject, .parameter("weight", [5, last])]),
            OpUse(Linear(), [.subject, .parameter("weight", [16, last]), .parameter("bias", [16])]),
            OpUse(Linear(), [.subject, .parameter("weight", [7, last, 1, 1]), .parameter("bias", [7])]),
            OpUse(Linear(), [.subject, .value(TensorType(.float32, [6, last]))]),
            OpUse(MatMul(), [.subject, .parameter("weight", [last, 6])]), OpUse(MatMul(), [.subject, .value(TensorType(.float32, [last, 3]))]),
            OpUse(MatMul(transposeB: true), [.subject, .value(type)]),
        ]
        for activation in [EpilogueStep.silu, .gelu, .geglu] {
            var layer = Linear()
            layer.epilogue = [.addBias, activation]
            uses.append(OpUse(layer, [.subject, .parameter("weight", [16, last]), .parameter("bias", [16])]))
        }
        if shape.rank > 1 {
            var residual = Linear()
            residual.epilogue = [.addResidual]
            uses.append(OpUse(residual, [.subject, .parameter("weight", [9, last]), .value(TensorType(.float32, replacing(shape, shape.rank - 1, 9)))]))
        }
        return uses
    }
}
