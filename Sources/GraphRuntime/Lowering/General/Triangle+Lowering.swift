import GraphIR
import Operators
import Tensors

extension Triangle: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[0]
        let size = type.elementType.byteSize
        let (rows, columns) = (type.shape[-2], type.shape[-1])
        let (upper, diagonal) = (upper, diagonal)
        let tasks = Blocks(columns == 0 ? 0 : type.elementCount / columns, size: max(1, 65536 / max(1, columns * size)))
        return Kernel("triangle", inPlaceOperands: [0]) { arguments in
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for row in tasks.range(task) {
                    let (x, y) = (arguments.operands[0] + row * columns * size, arguments.results[0] + row * columns * size)
                    // The first element of the upper part; the lower one ends behind the diagonal.
                    let border = min(columns, max(0, row % rows + diagonal + (upper ? 0 : 1)))
                    let kept = upper ? border..<columns : 0..<border
                    let cleared = upper ? 0..<border : border..<columns
                    if x != y {
                        (y + kept.lowerBound * size).copyMemory(from: x + kept.lowerBound * size, byteCount: kept.count * size)
                    }
                    (y + cleared.lowerBound * size).initializeMemory(as: UInt8.self, repeating: 0, count: cleared.count * size)
                }
            }
        }
    }
}
