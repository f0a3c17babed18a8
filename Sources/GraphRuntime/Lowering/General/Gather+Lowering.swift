import GraphIR
import Operators
import Tensors

extension Gather: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let size = x.shape[axis]
        let sliceBytes = x.shape.dimensions[(axis + 1)...].reduce(1, *) * x.elementType.byteSize
        let count = indices.elementCount
        let slices = x.shape.dimensions[..<axis].reduce(1, *) * count
        let tasks = Blocks(slices, size: max(1, 32768 / max(1, sliceBytes)))
        return Kernel("gather") { arguments in
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[0], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for slice in tasks.range(task) {
                    let index = reader.clampedIndex(slice % count, of: size)
                    (to + slice * sliceBytes).copyMemory(from: from + (slice / count * size + index) * sliceBytes, byteCount: sliceBytes)
                }
            }
        }
    }
}

extension GatherND: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let depth = indices.shape[-1]
        let batch = x.shape.dimensions[..<batchDimensions].reduce(1, *)
        let sizes = Array(x.shape.dimensions[batchDimensions..<batchDimensions + depth])
        let elementSize = x.elementType.byteSize
        let strides = x.shape.rowMajorStrides[batchDimensions..<batchDimensions + depth].map { $0 * elementSize }
        let sliceBytes = x.shape.dimensions[(batchDimensions + depth)...].reduce(1, *) * elementSize
        let batchBytes = sizes.reduce(1, *) * sliceBytes
        let slices = indices.shape.dimensions.dropLast().reduce(1, *)
        let perBatch = batch == 0 ? 1 : slices / batch
        let tasks = Blocks(slices, size: max(1, 32768 / max(1, sliceBytes)))
        return Kernel("gather_nd") { arguments in
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[0], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for slice in tasks.range(task) {
                    var offset = slice / perBatch * batchBytes
                    for level in 0..<depth { offset += reader.clampedIndex(slice * depth + level, of: sizes[level]) * strides[level] }
                    (to + slice * sliceBytes).copyMemory(from: from + offset, byteCount: sliceBytes)
                }
            }
        }
    }
}

/// The elements of a tensor of indices and what they point into, lane by lane: a lane is all positions along the axis.
struct IndexLanes {
    let laneCount: Int
    let length: Int
    let size: Int
    let indexStride: Int
    let elementStride: Int
    private let axes: [(size: Int, indexStride: Int, elementStride: Int)]

    init(_ elements: Shape, indices: Shape, axis: Int) {
        let axis = axis < 0 ? axis + elements.rank : axis
        let (strides, indexStrides) = (elements.rowMajorStrides, indices.rowMajorStrides)
        length = indices[axis]
        size = elements[axis]
        indexStride = indexStrides[axis]
        elementStride = strides[axis]
        axes = (0..<indices.rank).filter { $0 != axis }.map { (indices[$0], indexStrides[$0], strides[$0]) }
        laneCount = axes.reduce(1) { $0 * $1.size }
    }

    var tasks: Blocks { Blocks(laneCount, size: max(1, 8192 / max(1, length))) }

    /// Where a lane begins among the indices and among the elements.
    func start(_ lane: Int) -> (index: Int, element: Int) {
        var (rest, index, element) = (lane, 0, 0)
        for axis in axes.reversed() {
            index += rest % axis.size * axis.indexStride
            element += rest % axis.size * axis.elementStride
            rest /= axis.size
        }
        return (index, element)
    }
}

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
