import Tensors

/// How operands meet in a result that is written front to back: sizes, and each operand's strides in elements, 0 where it is
/// repeated. Dimensions that lie alike in all operands are one.
struct Broadcasting {
    let count: Int
    private(set) var sizes: [Int] = []
    /// Of each operand, one a dimension.
    private(set) var strides: [[Int]]

    init(_ operands: [TensorType], result: TensorType) {
        let rank = result.shape.rank
        count = result.elementCount
        strides = operands.map { _ in [] }
        let all = operands.map { type in
            let own = type.memoryStrides
            let missing = rank - type.shape.rank
            return (0..<rank).map { axis in axis < missing || type.shape[axis - missing] == 1 ? 0 : own[axis - missing] }
        }
        for axis in result.memoryOrder where result.shape[axis] != 1 {
            let size = result.shape[axis]
            if !sizes.isEmpty, operands.indices.allSatisfy({ strides[$0].last! == all[$0][axis] * size }) {
                sizes[sizes.count - 1] *= size
                for index in operands.indices { strides[index][sizes.count - 1] = all[index][axis] }
            } else {
                sizes.append(size)
                for index in operands.indices { strides[index].append(all[index][axis]) }
            }
        }
    }

    /// Whether an operand lies like the result.
    func isContiguous(_ operand: Int) -> Bool { count <= 1 || strides[operand] == [1] }

    /// Reads an operand's elements for part of the result through a conversion.
    func read(
        _ operand: Int, _ range: Range<Int>, from source: UnsafeRawPointer, elementSize: Int, into target: UnsafeMutableRawPointer,
        targetSize: Int, convert: RunConversion
    ) {
        let strides = strides[operand]
        guard let inner = sizes.last, let step = strides.last else { return convert(target, source, range.count) }
        var row = range.lowerBound / inner
        var column = range.lowerBound % inner
        var done = 0
        while done < range.count {
            var offset = 0
            var rest = row
            for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
                offset += rest % sizes[axis] * strides[axis]
                rest /= sizes[axis]
            }
            let run = min(inner - column, range.count - done)
            let (x, y) = (source + (offset + column * step) * elementSize, target + done * targetSize)
            if step == 1 {
                convert(y, x, run)
            } else if step == 0 {
                convert(y, x, 1)
                repeatFirst(y, count: run, size: targetSize)
            } else {
                for index in 0..<run { convert(y + index * targetSize, x + index * step * elementSize, 1) }
            }
            done += run
            column = 0
            row += 1
        }
    }

    private func repeatFirst(_ memory: UnsafeMutableRawPointer, count: Int, size: Int) {
        func fill<T: BitwiseCopyable>(_: T.Type) {
            let typed = memory.assumingMemoryBound(to: T.self)
            let value = typed[0]
            for index in 1..<max(1, count) { typed[index] = value }
        }
        switch size {
        case 1: fill(UInt8.self)
        case 2: fill(UInt16.self)
        case 4: fill(UInt32.self)
        default: fill(UInt64.self)
        }
    }
}
