import Tensors

/// A tensor as [outer, length, inner] about an axis, worked on in blocks of lanes: for one outer index and some inner ones all
/// that lies along the axis.
struct AxisLanes {
    let length: Int
    let inner: Int
    private let outer: Int
    private let blocks: Blocks
    static let block = 512

    init(_ shape: Shape, axis: Int) {
        let axis = axis < 0 ? axis + shape.rank : axis
        length = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        outer = shape.dimensions[..<axis].reduce(1, *)
        blocks = Blocks(inner, size: Self.block)
    }

    var taskCount: Int { outer * blocks.count }

    /// The outer index and the inner ones of a task.
    func task(_ index: Int) -> (outer: Int, lanes: Range<Int>) { (index / blocks.count, blocks.range(index % blocks.count)) }
}
