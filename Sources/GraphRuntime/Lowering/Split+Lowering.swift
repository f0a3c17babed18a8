import GraphIR
import Operators
import Tensors

extension Split: LowerableOp, ViewingOp {
    /// Parts are views where nothing lies in front of the axis in memory.
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        let x = operands[0]
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let inFront = x.memoryOrder.prefix { $0 != axis }.reduce(1) { $0 * x.shape[$1] }
        guard inFront == 1 || parts == 1 else { return nil }
        // Kernels want whole cache lines to begin where tensors do; parts that do not are copied.
        var offset = 0
        let offsets = results.map { result in
            defer { offset += result.byteCount }
            return offset
        }
        guard offsets.allSatisfy({ $0 % Storage.alignment == 0 }) else { return nil }
        return offsets.map { ViewOfOperand(byteOffset: $0) }
    }

    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let copies = StridedCopy.parts(context.results, of: context.operands[0], axis: axis).map(\.reversed)
        return Kernel("copy split") { arguments in
            for (part, copy) in copies.enumerated() { copy.run(arguments.results[part], arguments.operands[0], arguments.pool) }
        }
    }
}
