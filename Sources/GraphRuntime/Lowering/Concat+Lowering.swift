import GraphIR
import Operators
import Tensors

extension Concat: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let copies = StridedCopy.parts(context.operands, of: context.results[0], axis: axis)
        let shape = context.results[0].shape
        return Kernel.imageCopy(
            "copy concat", copies.enumerated().map { ($0.offset, 0, $0.element) }, isImage: shape.rank == 4 && shape[0] == 1 && [1, -3].contains(axis))
    }
}
