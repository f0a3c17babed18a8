import Files
import Tensors

/// OpenBLAS runs one thread; our pool splits the work, in the same way for any number of threads.
enum BLAS {
    /// Throws where sizes or distances are larger than OpenBLAS can count, or there is no OpenBLAS.
    static func requireFit(_ sizes: Int...) throws {
        _ = try OpenBLAS.library.get()
        guard sizes.allSatisfy({ $0 <= Int(Int32.max) }) else { throw InputError("a product with sizes \(sizes) is too large") }
    }

    /// C [m, n] = A B, or with A^T or B^T: A is [m, k], or [k, m] with `transposeA`; B is [k, n], or [n, k] with `transposeB`.
    static func multiply(
        m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false, b: UnsafePointer<Float>, ldb: Int, transposeB: Bool,
        c: UnsafeMutablePointer<Float>, ldc: Int, accumulate: Bool = false
    ) {
        guard m > 0, n > 0 else { return }
        guard k > 0 else {
            for row in 0..<(accumulate ? 0 : m) { (c + row * ldc).update(repeating: 0, count: n) }
            return
        }
        guard let sgemm = try? OpenBLAS.library.get().sgemm else { preconditionFailure("a product whose sizes were not checked") }
        sgemm(
            OpenBLAS.rowMajor, transposeA ? OpenBLAS.transposed : OpenBLAS.plain, transposeB ? OpenBLAS.transposed : OpenBLAS.plain, Int32(m), Int32(n),
            Int32(k), 1, a, Int32(lda), b, Int32(ldb), accumulate ? 1 : 0, c, Int32(ldc))
    }
}

/// Where in an operand of a product each matrix of the result finds its own, in elements; those of a batch of one serve all.
func matrixOffsets(of operand: Shape, in result: Shape) -> [Int] {
    let batch = Array(result.dimensions.dropLast(2))
    let own = Array(repeating: 1, count: result.rank - operand.rank) + operand.dimensions.dropLast(2)
    let strides = Shape(own).rowMajorStrides
    let matrix = operand[-2] * operand[-1]
    return (0..<Shape(batch).elementCount).map { index in
        var (rest, offset) = (index, 0)
        for axis in batch.indices.reversed() {
            if own[axis] > 1 { offset += rest % batch[axis] * strides[axis] }
            rest /= batch[axis]
        }
        return offset * matrix
    }
}
