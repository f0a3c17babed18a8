import GraphIR
import Operators
import Tensors

extension Reshape: ReshapingOp {}

extension Expand: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].elementCount == results[0].elementCount ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let strides = x.shape.rowMajorStrides
        let missing = y.shape.rank - x.shape.rank
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.shape.rowMajorStrides,
            operandStrides: (0..<y.shape.rank).map { $0 < missing || x.shape[$0 - missing] == 1 ? 0 : strides[$0 - missing] })
        return Kernel("copy expand") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}

extension Slice: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    private func offset(_ x: TensorType) -> Int { zip(starts, x.shape.rowMajorStrides).reduce(0) { $0 + $1.0 * $1.1 } }

    /// A view where what is taken lies in one piece and begins where kernels want tensors to begin.
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        let (x, y) = (operands[0].shape, results[0].shape)
        guard y.elementCount > 0 else { return nil }
        let cut = (0..<y.rank).first { y[$0] > 1 } ?? y.rank
        guard (0..<y.rank).allSatisfy({ $0 < cut || steps[$0] == 1 || y[$0] == 1 }),
            (0..<y.rank).allSatisfy({ $0 <= cut || y[$0] == x[$0] })
        else { return nil }
        let byteOffset = offset(operands[0]) * operands[0].elementType.byteSize
        return byteOffset % Storage.alignment == 0 ? [ViewOfOperand(byteOffset: byteOffset)] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.shape.rowMajorStrides,
            operandStrides: zip(steps, x.shape.rowMajorStrides).map { $0 * $1 }, operandOffset: offset(x))
        return Kernel("copy slice") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}

extension Tile: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].shape == results[0].shape ? [ViewOfOperand()] : nil
    }

    /// Each dimension is two: which repetition, and where in it.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let (strides, resultStrides) = (x.shape.rowMajorStrides, y.shape.rowMajorStrides)
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize,
            sizes: repeats.indices.flatMap { [repeats[$0], x.shape[$0]] },
            resultStrides: repeats.indices.flatMap { [resultStrides[$0] * x.shape[$0], resultStrides[$0]] },
            operandStrides: repeats.indices.flatMap { [0, strides[$0]] })
        return Kernel("copy tile") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}

extension Triangle: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[0]
        let size = type.elementType.byteSize
        let (rows, columns) = (type.shape[-2], type.shape[-1])
        let (upper, diagonal) = (upper, diagonal)
        let tasks = Blocks(columns == 0 ? 0 : type.elementCount / columns, size: max(1, 65536 / max(1, columns * size)))
        return Kernel("triangle", inPlaceOperands: [0]) { arguments in
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for row in tasks.range(task) {
                    let (x, y) = (arguments.operands[0] + row * columns * size, arguments.results[0] + row * columns * size)
                    // The first element of the upper part; the lower one ends behind the diagonal.
                    let border = min(columns, max(0, row % rows + diagonal + (upper ? 0 : 1)))
                    let kept = upper ? border..<columns : 0..<border
                    let cleared = upper ? 0..<border : border..<columns
                    if x != y {
                        (y + kept.lowerBound * size).copyMemory(from: x + kept.lowerBound * size, byteCount: kept.count * size)
                    }
                    (y + cleared.lowerBound * size).initializeMemory(as: UInt8.self, repeating: 0, count: cleared.count * size)
                }
            }
        }
    }
}
