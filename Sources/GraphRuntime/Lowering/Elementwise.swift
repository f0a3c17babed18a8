import CKernels
import GraphIR
import Operators
import Tensors

/// An elementwise function of one tensor; the result may take the operand's place.
private func unaryKernel(_ name: String, _ op: dd_unary_op, _ context: LoweringContext, _ p0: Float = 0, _ p1: Float = 0) -> Kernel {
    let count = Int64(context.results[0].elementCount)
    return Kernel(name, inPlaceOperands: [0]) { dd_unary_f32($0.pool.handle, op, $0.output(), $0.input(0), count, p0, p1) }
}

extension SiLU: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { unaryKernel("silu", DD_UNARY_SILU, context) }
}

extension GELU: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { unaryKernel("gelu", DD_UNARY_GELU, context) }
}

extension Scale: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { unaryKernel("scale", DD_UNARY_LINEAR, context, factor) }
}

/// An elementwise function of two tensors with broadcasting, computed in the order of the result's memory.
private func binaryKernel(_ name: String, _ op: dd_binary_op, _ context: LoweringContext) -> Kernel {
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
    let inPlace = context.operands.indices.filter { context.operands[$0].shape == y.shape && context.operands[$0].layout == y.layout }
    return Kernel(name, inPlaceOperands: inPlace) { arguments in
        withUnsafePointer(to: broadcast) { dd_binary_f32(arguments.pool.handle, op, arguments.output(), arguments.input(0), arguments.input(1), $0) }
    }
}

extension UnsafeMutableBufferPointer where Element == Int64 {
    fileprivate func fill(_ values: [Int]) { for (index, value) in values.enumerated() { self[index] = Int64(value) } }
}

extension Add: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel { binaryKernel("add", DD_BINARY_ADD, context) }
}

extension Multiply: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel { binaryKernel("multiply", DD_BINARY_MUL, context) }
}

extension Softmax: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let columns = context.results[0].shape[-1]
        let rows = Int64(columns == 0 ? 0 : context.results[0].elementCount / columns)
        return Kernel("softmax", inPlaceOperands: [0]) {
            dd_softmax_f32($0.pool.handle, $0.output(), $0.input(0), rows, Int64(columns))
        }
    }
}

extension CausalMask: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.results[0].shape
        let (rows, columns) = (Int64(shape[-2]), Int64(shape[-1]))
        let batch = Int64(shape.dimensions.dropLast(2).reduce(1, *))
        return Kernel("causal_mask", inPlaceOperands: [0]) {
            dd_causal_mask_f32($0.pool.handle, $0.output(), $0.input(0), batch, rows, columns)
        }
    }
}

extension ReduceSum: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.operands[0].shape
        let axis = axis < 0 ? axis + shape.rank : axis
        let outer = Int64(shape.dimensions[..<axis].reduce(1, *))
        let inner = Int64(shape.dimensions[(axis + 1)...].reduce(1, *))
        let reduced = Int64(shape[axis])
        return Kernel("reduce_sum") { dd_reduce_f32($0.pool.handle, DD_REDUCE_SUM, $0.output(), $0.input(0), outer, reduced, inner) }
    }
}

extension TimestepEmbedding: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands[0].elementCount
        let (dimension, maxPeriod) = (dimension, maxPeriod)
        return Kernel("timestep_embedding") { arguments in
            for row in 0..<count {
                dd_timestep_embedding_f32(arguments.output() + row * dimension, arguments.input(0)[row], Int64(dimension), maxPeriod)
            }
        }
    }
}

extension Embedding: LowerableOp {
    /// The row numbers are i32.
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let count = Int64(context.operands[0].elementCount)
        let (rows, columns) = (Int64(context.operands[1].shape[0]), Int64(context.operands[1].shape[1]))
        return Kernel("embedding") { arguments in
            dd_embedding(
                arguments.pool.handle, arguments.results[0], arguments.operands[1],
                UnsafePointer(arguments.operands[0].assumingMemoryBound(to: Int32.self)), count, columns * 4, rows)
        }
    }
}
