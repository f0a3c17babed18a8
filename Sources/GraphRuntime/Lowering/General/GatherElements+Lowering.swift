import GraphIR
import Operators
import Tensors

extension GatherElements: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let lanes = IndexLanes(x.shape, indices: indices.shape, axis: axis)
        func kernel<T: BitwiseCopyable>(_: T.Type) -> Kernel {
            Kernel("gather_elements") { arguments in
                let reader = IndexReader(arguments.operands[1], indices.elementType)
                let from = arguments.operands[0].assumingMemoryBound(to: T.self)
                let to = arguments.results[0].assumingMemoryBound(to: T.self)
                let tasks = lanes.tasks
                arguments.pool.parallelFor(tasks.count) { task, _ in
                    for lane in tasks.range(task) {
                        let start = lanes.start(lane)
                        for place in 0..<lanes.length {
                            let position = start.index + place * lanes.indexStride
                            to[position] = from[start.element + reader.clampedIndex(position, of: lanes.size) * lanes.elementStride]
                        }
                    }
                }
            }
        }
        return switch x.elementType.byteSize {
        case 1: kernel(UInt8.self)
        case 2: kernel(UInt16.self)
        case 4: kernel(UInt32.self)
        default: kernel(UInt64.self)
        }
    }
}
