import GraphIR
import Operators
import Tensors

extension Pad: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let tables = (0..<x.shape.rank).map { axis in
            let first = max(0, -before[axis])
            let count = x.shape[axis] + min(0, before[axis]) + min(0, after[axis])
            return (0..<y.shape[axis]).map { index in
                source(index - max(0, before[axis]), of: count).map { Int32($0 + first) } ?? -1
            }
        }
        let copy = TableCopy(elementSize: x.elementType.byteSize, operand: x.shape, tables: tables)
        let hasValue = context.operands.count == 2
        return Kernel("pad \(mode.rawValue)") {
            copy.run($0.results[0], $0.operands[0], fill: hasValue ? UnsafeRawPointer($0.operands[1]) : nil, $0.pool)
        }
    }

    /// Which of `count` elements stands at an index that may lie outside of them.
    private func source(_ index: Int, of count: Int) -> Int? {
        if index >= 0, index < count { return index }
        func wrapped(_ period: Int) -> Int {
            let rest = index % period
            return rest < 0 ? rest + period : rest
        }
        switch mode {
        case .constant: return nil
        case .edge: return max(0, min(count - 1, index))
        case .wrap: return wrapped(count)
        case .reflect:
            guard count > 1 else { return 0 }
            let place = wrapped(2 * (count - 1))
            return min(place, 2 * (count - 1) - place)
        }
    }
}
