import GraphIR
import Operators
import Tensors

/// An op that never moves a number: its one result is its first operand with other dimensions.
protocol ReshapingOp: ViewingOp, LowerableOp {}

extension ReshapingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? { [ViewOfOperand()] }
    public func lower(_ context: LoweringContext) throws -> Kernel { preconditionFailure("\(name) is a view") }
    public var takesEveryElementType: Bool { true }
}

extension Flatten: ReshapingOp {}
extension Unflatten: ReshapingOp {}
extension Unsqueeze: ReshapingOp {}

extension Split: ViewingOp {
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
}

extension TokensFromImage: ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].layout == .channelsLast || operands[0].isLayoutFree ? [ViewOfOperand()] : nil
    }
}

extension ImageFromTokens: ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        results[0].layout == .channelsLast || results[0].isLayoutFree ? [ViewOfOperand()] : nil
    }
}

extension WindowPartition: ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        results[0].shape == operands[0].shape ? [ViewOfOperand()] : nil
    }
}

extension WindowMerge: ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        results[0].shape == operands[0].shape ? [ViewOfOperand()] : nil
    }
}

extension ConvertLayout: ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].layout == layout || operands[0].isLayoutFree ? [ViewOfOperand()] : nil
    }
}
