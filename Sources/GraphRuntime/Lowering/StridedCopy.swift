import CKernels
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
    /// From each of some parts to its place in a whole, where they lie one behind the other along an axis.
    static func parts(_ parts: [TensorType], of whole: TensorType, axis: Int) -> [StridedCopy] {
        let (size, strides) = (whole.elementType.byteSize, whole.memoryStrides)
        var start = 0
        return parts.map { part in
            defer { start += part.shape[axis] * strides[axis < 0 ? axis + strides.count : axis] }
            return StridedCopy(
                elementSize: size, sizes: part.shape.dimensions, resultStrides: strides, operandStrides: part.memoryStrides, resultOffset: start)
        }
    }

    /// Back again.
    var reversed: StridedCopy {
        StridedCopy(
            elementSize: elementSize, sizes: sizes, resultStrides: operandStrides, operandStrides: resultStrides, resultOffset: operandOffset,
            operandOffset: resultOffset)
    }

    /// Between tensors of one shape that may lie otherwise.
    init(from x: TensorType, to y: TensorType) {
        self.init(elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.memoryStrides, operandStrides: x.memoryStrides)
    }
}
