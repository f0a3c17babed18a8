import Operators
import Tensors

extension Unfold: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        [try body.unfolded(body.operands[0], body.types[0], kernelSize: kernelSize)]
    }
}

extension ElementWiseAdaptiveConvolution: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let image = body.types[0].shape
        let neighbours = try body.unfolded(body.operands[0], body.types[0], kernelSize: [kernelSize, kernelSize])
        let kernels = body.reshaped(body.operands[1], [0, image[1], kernelSize * kernelSize, image[2], image[3]])
        let products = body.apply("Mul", [neighbours, kernels])
        let sum = body.apply("ReduceSum", [products, body.integers([2])], ["keepdims": .integer(0)])
        return [residual ? body.apply("Add", [sum, body.operands[0]]) : sum]
    }
}

extension WindowPartition: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let windows = try Windows(body.types[0].shape, size: size)
        let parts = windows.starts.map { top, left in
            let part = body.sliced(
                body.operands[0], starts: [top, left], ends: [top + windows.height, left + windows.width], axes: [2, 3])
            return body.apply("Unsqueeze", [part, body.integers([1])])
        }
        let shape = body.resultTypes[0].shape.dimensions
        return [body.reshaped(body.concatenated(parts, axis: 1), [-1] + shape[1...])]
    }
}

extension WindowMerge: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let image = body.resultTypes[0].shape
        let windows = try Windows(image, size: size)
        let (height, width) = (windows.height, windows.width)
        let all = body.reshaped(body.operands[0], [image[0], windows.starts.count, image[1], height, width])
        var sum: String?
        try ExportBody.requireWritable(image[2] * image[3], "pixels' shares")
        var counts = [Double](repeating: 0, count: image[2] * image[3])
        for (index, (top, left)) in windows.starts.enumerated() {
            let place = body.constant(.integers([index]).reshaped([]))
            let window = body.apply("Gather", [all, place], ["axis": .integer(1)])
            let pads = body.integers([0, 0, top, left, 0, 0, image[2] - top - height, image[3] - left - width])
            let padded = body.apply("Pad", [window, pads], ["mode": .string("constant")])
            sum = sum.map { body.apply("Add", [$0, padded]) } ?? padded
            for row in top..<top + height { for column in left..<left + width { counts[row * image[3] + column] += 1 } }
        }
        let shares = body.constant(.floats(counts.map { 1 / $0 }, shape: [1, 1, image[2], image[3]], body.types[0].elementType))
        return [body.apply("Mul", [sum!, shares])]
    }
}

/// Where the windows of an image lie, in the order in which they are put one behind the other.
private struct Windows {
    let height: Int
    let width: Int
    let starts: [(top: Int, left: Int)]

    init(_ image: Shape, size: Int) throws {
        let (rows, columns) = (WindowAxis(length: image[2], size: size), WindowAxis(length: image[3], size: size))
        // A window is several nodes.
        try ExportBody.requireWritable(.saturatingProduct(rows.count, columns.count), limit: 1 << 14, "windows")
        (height, width) = (rows.size, columns.size)
        starts = rows.starts.flatMap { top in columns.starts.map { (top, $0) } }
    }
}
