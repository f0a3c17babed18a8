import CKernels
import Operators
import Tensors

extension Kernel {
    /// An elementwise function of one tensor; the result may take the operand's place.
    static func unary(_ name: String, _ op: dd_unary_op, _ context: LoweringContext, _ p0: Float = 0, _ p1: Float = 0) -> Kernel {
        let count = Int64(context.results[0].elementCount)
        var kernel = Kernel(name, inPlaceOperands: [0]) { dd_unary_f32($0.pool.handle, op, $0.output(), $0.input(0), count, p0, p1) }
        if let rows = context.results[0].rowCount {
            let row = Int(count) / rows
            kernel.strips = StripKernel(reads: [0: StripKernel.sameRows]) { arguments, rows, _ in
                let first = rows.lowerBound * row
                dd_unary_f32(arguments.pool.handle, op, arguments.output() + first, arguments.input(0) + first, Int64(rows.count * row), p0, p1)
            }
        }
        return kernel
    }

    /// An elementwise function of two tensors with broadcasting, computed in the order of the result's memory.
    static func binary(_ name: String, _ op: dd_binary_op, _ context: LoweringContext) -> Kernel {
        let y = context.results[0]
        let rank = y.shape.rank
        guard y.elementType == .float32, rank <= DD_MAX_RANK else {
            return GeneralArithmetic.kernel(name, context, multiplies: op == DD_BINARY_MUL)
        }
        let order = y.memoryOrder
        func strides(_ type: TensorType) -> [Int] {
            // A tensor whose bytes are the same in both layouts has the strides of either.
            let strides = type.memoryStrides
            let missing = rank - type.shape.rank
            return order.map { axis in axis < missing || type.shape[axis - missing] == 1 ? 0 : strides[axis - missing] }
        }
        var broadcast = dd_broadcast()
        broadcast.rank = Int32(rank)
        let (a, b) = (strides(context.operands[0]), strides(context.operands[1]))
        withUnsafeMutableBytes(of: &broadcast.size) { $0.bindMemory(to: Int64.self).fill(order.map { y.shape[$0] }) }
        withUnsafeMutableBytes(of: &broadcast.stride_a) { $0.bindMemory(to: Int64.self).fill(a) }
        withUnsafeMutableBytes(of: &broadcast.stride_b) { $0.bindMemory(to: Int64.self).fill(b) }
        let meeting = broadcast
        let inPlace = context.operands.indices.filter { context.operands[$0].shape == y.shape && context.operands[$0].layout == y.layout }
        var kernel = Kernel(name, inPlaceOperands: inPlace) { arguments in
            withUnsafePointer(to: meeting) { dd_binary_f32(arguments.pool.handle, op, arguments.output(), arguments.input(0), arguments.input(1), $0) }
        }
        // Rows are what lies outermost in memory but for the image. Where an operand is repeated for each row, all of it is read.
        let axis = y.shape.dimensions.first ?? 1 > 1 ? 0 : 1
        guard y.rowCount != nil, axis == 0 || y.layout == .channelsLast || rank == 3 else { return kernel }
        let steps = [a[axis], b[axis]]
        let cut = [0, 1].filter { steps[$0] != 0 }
        guard cut.allSatisfy({ context.operands[$0].rowCount == y.rowCount && context.operands[$0].layout == y.layout }) else { return kernel }
        let row = y.elementCount / y.rowCount!
        kernel.strips = StripKernel(reads: Dictionary(uniqueKeysWithValues: cut.map { ($0, StripKernel.sameRows) })) { arguments, rows, _ in
            var part = meeting
            if axis == 0 { part.size.0 = Int64(rows.count) } else { part.size.1 = Int64(rows.count) }
            dd_binary_f32(
                arguments.pool.handle, op, arguments.output() + rows.lowerBound * row, arguments.input(0) + rows.lowerBound * steps[0],
                arguments.input(1) + rows.lowerBound * steps[1], &part)
        }
        return kernel
    }
}

extension UnsafeMutableBufferPointer where Element == Int64 {
    fileprivate func fill(_ values: [Int]) { for (index, value) in values.enumerated() { self[index] = Int64(value) } }
}
