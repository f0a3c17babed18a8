import GraphIR
import Operators
import Tensors

extension MatMul: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (a, b, y) = (context.operands[0].shape, context.operands[1].shape, context.results[0].shape)
        let (m, n, k) = (y[-2], y[-1], a[-1])
        try BLAS.requireFit(m, n, k)
        let transposeB = transposeB
        let (aOffsets, bOffsets) = (matrixOffsets(of: a, in: y), matrixOffsets(of: b, in: y))
        let rows = Blocks(m, size: 256)
        return Kernel("matmul openblas") { arguments in
            let (x, w, out) = (arguments.input(0), arguments.input(1), arguments.output())
            arguments.pool.parallelFor(aOffsets.count * rows.count) { task, _ in
                let (matrix, range) = (task / rows.count, rows.range(task % rows.count))
                BLAS.multiply(
                    m: range.count, n: n, k: k, a: x + aOffsets[matrix] + range.lowerBound * k, lda: k, b: w + bOffsets[matrix],
                    ldb: transposeB ? k : n, transposeB: transposeB, c: out + (matrix * m + range.lowerBound) * n, ldc: n)
            }
        }
    }
}
