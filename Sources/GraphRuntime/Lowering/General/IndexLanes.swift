import Tensors

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
