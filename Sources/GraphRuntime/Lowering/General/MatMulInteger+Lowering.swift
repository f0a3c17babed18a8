import GraphIR
import Operators
import Tensors

extension MatMulInteger: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (a, b, y) = (context.operands[0], context.operands[1], context.results[0].shape)
        let (n, k) = (y[-1], a.shape[-1])
        let (aOffsets, bOffsets) = (matrixOffsets(of: a.shape, in: y), matrixOffsets(of: b.shape, in: y))
        let m = y[-2]
        let columns = Blocks(n, size: 256)
        let (readA, readB) = (RunConversions.conversion(from: a.elementType, to: .int64), RunConversions.conversion(from: b.elementType, to: .int64))
        let (aSize, bSize) = (a.elementType.byteSize, b.elementType.byteSize)
        let rows = Blocks(m, size: 32)
        return Kernel("matmul_integer") { arguments in
            let (left, right) = (UnsafeRawPointer(arguments.operands[0]), UnsafeRawPointer(arguments.operands[1]))
            let result = arguments.results[0].assumingMemoryBound(to: Int32.self)
            arguments.pool.parallelFor(aOffsets.count * rows.count * columns.count) { task, _ in
                let range = columns.range(task % columns.count)
                let part = rows.range(task / columns.count % rows.count)
                let matrix = task / columns.count / rows.count
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: (rows.size + 3) * columns.size) { buffer in
                    let sums = buffer.baseAddress!
                    let values = sums + rows.size * columns.size
                    let wide = UnsafeMutableRawPointer(values + columns.size).assumingMemoryBound(to: Int64.self)
                    sums.update(repeating: 0, count: part.count * range.count)
                    for inner in 0..<k {
                        readB(wide, right + (bOffsets[matrix] + inner * n + range.lowerBound) * bSize, range.count)
                        for column in 0..<range.count { values[column] = Int32(truncatingIfNeeded: wide[column]) }
                        for row in 0..<part.count {
                            readA(wide, left + (aOffsets[matrix] + (part.lowerBound + row) * k + inner) * aSize, 1)
                            let (factor, target) = (Int32(truncatingIfNeeded: wide[0]), sums + row * range.count)
                            for column in 0..<range.count { target[column] &+= factor &* values[column] }
                        }
                    }
                    for row in 0..<part.count {
                        let target = result + (matrix * m + part.lowerBound + row) * n + range.lowerBound
                        target.update(from: sums + row * range.count, count: range.count)
                    }
                }
            }
        }
    }
}
