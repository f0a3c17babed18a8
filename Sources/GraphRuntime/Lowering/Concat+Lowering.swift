import GraphIR
import Operators
import Tensors

extension Concat: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let copies = StridedCopy.parts(context.operands, of: context.results[0], axis: axis)
        return Kernel("copy concat") { arguments in
            for (index, copy) in copies.enumerated() { copy.run(arguments.results[0], arguments.operands[index], arguments.pool) }
        }
    }
}
