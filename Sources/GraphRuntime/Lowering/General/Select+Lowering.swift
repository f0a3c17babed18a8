import GraphIR
import Operators
import Tensors

extension Select: LowerableOp {
    public var takesEveryElementType: Bool { true }

    /// Moves bytes, whatever they mean.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[1].elementType
        func choose<T: BitwiseCopyable>(_: T.Type) -> RunFunction {
            { condition, a, b, y, count in
                let (condition, y) = (condition.assumingMemoryBound(to: UInt8.self), y.assumingMemoryBound(to: T.self))
                let (a, b) = (a.assumingMemoryBound(to: T.self), b.assumingMemoryBound(to: T.self))
                for index in 0..<count { y[index] = condition[index] != 0 ? a[index] : b[index] }
            }
        }
        let call =
            switch type.byteSize {
            case 1: choose(UInt8.self)
            case 2: choose(UInt16.self)
            case 4: choose(UInt32.self)
            default: choose(UInt64.self)
            }
        return TileKernel.make("select", context, computeTypes: [.bool, type, type], resultType: type, call)
    }
}
