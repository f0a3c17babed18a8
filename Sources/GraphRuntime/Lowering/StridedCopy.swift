import CKernels
import GraphIR
import Operators
import Tensors

/// A general copy between two strided tensors.
struct StridedCopy {
    var elementSize: Int
    var sizes: [Int]
    var resultStrides: [Int]
    var operandStrides: [Int]
    var resultOffset = 0
    var operandOffset = 0

    func run(_ y: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, _ pool: ThreadPool) {
        guard sizes.count <= DD_MAX_RANK else {
            // The kernel has no room for so many dimensions: those of one element go, then the outermost is walked here.
            let counted = sizes.indices.filter { sizes[$0] != 1 }
            var inner = self
            inner.sizes = counted.map { sizes[$0] }
            inner.resultStrides = counted.map { resultStrides[$0] }
            inner.operandStrides = counted.map { operandStrides[$0] }
            guard counted.count > DD_MAX_RANK else { return inner.run(y, x, pool) }
            let (size, resultStride, operandStride) = (
                inner.sizes.removeFirst(), inner.resultStrides.removeFirst(), inner.operandStrides.removeFirst()
            )
            for _ in 0..<size {
                inner.run(y, x, pool)
                inner.resultOffset += resultStride
                inner.operandOffset += operandStride
            }
            return
        }
        dd_copy_strided(
            pool.handle, y + resultOffset * elementSize, x + operandOffset * elementSize, Int32(elementSize), Int32(sizes.count),
            sizes.map(Int64.init), resultStrides.map(Int64.init), operandStrides.map(Int64.init))
    }
}

extension StridedCopy {
    /// Between tensors of one shape that may lie otherwise.
    init(from x: TensorType, to y: TensorType) {
        self.init(elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.memoryStrides, operandStrides: x.memoryStrides)
    }
}

extension Transpose: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let strides = x.memoryStrides
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.memoryStrides,
            operandStrides: permutation.map { strides[$0] })
        return Kernel("copy transpose") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}

extension ConvertLayout: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let copy = StridedCopy(from: context.operands[0], to: context.results[0])
        return Kernel("copy layout") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}

extension Split: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let x = context.operands[0]
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let strides = x.memoryStrides
        var start = 0
        let copies = context.results.map { y in
            defer { start += y.shape[axis] }
            return StridedCopy(
                elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.memoryStrides,
                operandStrides: strides, operandOffset: start * strides[axis])
        }
        return Kernel("copy split") { arguments in
            for (part, copy) in copies.enumerated() { copy.run(arguments.results[part], arguments.operands[0], arguments.pool) }
        }
    }
}

extension Concat: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let y = context.results[0]
        let axis = axis < 0 ? axis + y.shape.rank : axis
        let strides = y.memoryStrides
        var start = 0
        let copies = context.operands.map { x in
            defer { start += x.shape[axis] }
            return StridedCopy(
                elementSize: y.elementType.byteSize, sizes: x.shape.dimensions, resultStrides: strides,
                operandStrides: x.memoryStrides, resultOffset: start * strides[axis])
        }
        return Kernel("copy concat") { arguments in
            for (index, copy) in copies.enumerated() { copy.run(arguments.results[0], arguments.operands[index], arguments.pool) }
        }
    }
}

extension TokensFromImage: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.operands[0].shape
        let (batch, channels, pixels) = (Int64(shape[0]), Int64(shape[1]), Int64(shape[2] * shape[3]))
        return Kernel("nchw to nhwc") { dd_nchw_to_nhwc_f32($0.pool.handle, $0.output(), $0.input(0), batch, channels, pixels) }
    }
}

extension ImageFromTokens: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.results[0].shape
        let (batch, channels, pixels) = (Int64(shape[0]), Int64(shape[1]), Int64(shape[2] * shape[3]))
        return Kernel("nhwc to nchw") { dd_nhwc_to_nchw_f32($0.pool.handle, $0.output(), $0.input(0), batch, channels, pixels) }
    }
}
