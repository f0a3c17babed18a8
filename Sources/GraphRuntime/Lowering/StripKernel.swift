import GraphIR
import Tensors

/// How a kernel computes its first result some rows at a time, to the bits that it computes all at once.
///
/// A row is one of an image's height, a token, or a whole window where there are several. Sizes stay those of the whole, and addresses lead to where row 0 is or would be, so that a kernel knows its image's
/// borders and its own blocks whatever rows it is asked for.
public struct StripKernel: Sendable {
    /// The rows of an operand that rows of the result are computed from.
    public typealias Reads = @Sendable (Range<Int>) -> Range<Int>

    /// Reads the rows that are computed.
    static let sameRows: Reads = { $0 }

    /// Calls begin at multiples of so many rows.
    public var rowStep = 1
    /// The same where the kernel also sums up its rows to its second result, which is there when all rows are done. Nil where it has none, or cannot.
    public var summingRowStep: Int?
    /// What summing keeps from call to call.
    public var stateByteCount = 0
    /// By operand. Operands that are not here are read whole.
    public var reads: [Int: Reads]
    /// Of a call for so many rows.
    public var scratchByteCount: @Sendable (_ rows: Int, _ sums: Bool) -> Int = { _, _ in 0 }
    /// Computes rows, and sums them up where there is a state. Calls come in order.
    public var run: @Sendable (KernelArguments, _ rows: Range<Int>, _ state: UnsafeMutableRawPointer?) -> Void

    public init(reads: [Int: Reads], run: @escaping @Sendable (KernelArguments, _ rows: Range<Int>, _ state: UnsafeMutableRawPointer?) -> Void) {
        self.reads = reads
        self.run = run
    }
}

extension TensorType {
    /// Into how many rows that lie one behind the other a tensor can be cut: the images of a batch or the sequences, as windows are; of a single one its height or the
    /// number of tokens. Nil where it cannot.
    var rowCount: Int? {
        guard elementCount > 0, (3...4).contains(shape.rank) else { return nil }
        if shape[0] > 1 { return shape[0] }
        if shape.rank == 3 { return layout == .rowMajor || isLayoutFree ? shape[1] : nil }
        return layout == .channelsLast || isLayoutFree ? shape[2] : nil
    }
}

extension StridedCopy {
    /// The same of some indices along an axis. Both sides are strided there as their whole is.
    func along(_ axis: Int, _ range: Range<Int>) -> StridedCopy {
        var part = self
        part.sizes[axis] = range.count
        part.resultOffset += range.lowerBound * resultStrides[axis]
        part.operandOffset += range.lowerBound * operandStrides[axis]
        return part
    }
}

extension Kernel {
    /// A copy from each of some images of one height to its place in some images of that height, by rows as well.
    static func imageCopy(_ name: String, _ copies: [(operand: Int, result: Int, copy: StridedCopy)], isImage: Bool) -> Kernel {
        @Sendable func run(_ arguments: KernelArguments, _ rows: Range<Int>?) {
            for (operand, result, copy) in copies {
                let part = rows.map { copy.along(2, $0) } ?? copy
                part.run(arguments.results[result], arguments.operands[operand], arguments.pool)
            }
        }
        var kernel = Kernel(name) { run($0, nil) }
        if isImage {
            kernel.strips = StripKernel(reads: Dictionary(copies.map { ($0.operand, StripKernel.sameRows) }, uniquingKeysWith: { first, _ in first })) {
                arguments, rows, _ in
                run(arguments, rows)
            }
        }
        return kernel
    }
}
