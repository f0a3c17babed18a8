import Tensors

/// A window that moves over the spatial dimensions of an image [N, C, ...].
struct SpatialWindow {
    let input: [Int]
    let kernel: [Int]
    let output: [Int]
    let strides: [Int]
    let dilations: [Int]
    /// In front of each dimension.
    let padding: [Int]

    var inputCount: Int { input.reduce(1, *) }
    var kernelCount: Int { kernel.reduce(1, *) }
    var outputCount: Int { output.reduce(1, *) }
    var rank: Int { input.count }

    /// The indices of an element of `sizes`, outermost first.
    static func indices(_ index: Int, _ sizes: [Int]) -> [Int] {
        var result = sizes
        var rest = index
        for axis in sizes.indices.reversed() {
            result[axis] = rest % sizes[axis]
            rest /= sizes[axis]
        }
        return result
    }

    /// Rows of the output's last dimension for one element of the kernel: where the row of the input begins that they read, or
    /// nil where that is outside.
    func inputRow(kernelIndex: [Int], outputRow: Int) -> Int? {
        var offset = 0
        var scale = input[rank - 1]
        var rest = outputRow
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            let place = rest % output[axis] * strides[axis] - padding[axis] + kernelIndex[axis] * dilations[axis]
            guard place >= 0, place < input[axis] else { return nil }
            offset += place * scale
            scale *= input[axis]
            rest /= output[axis]
        }
        return offset
    }

    /// Along the last dimension: which output elements read inside the image, and what the first of all reads.
    func columns(kernelIndex: Int) -> (inside: Range<Int>, first: Int) {
        let axis = rank - 1
        let first = kernelIndex * dilations[axis] - padding[axis]
        let step = strides[axis]
        let lower = first >= 0 ? 0 : (-first + step - 1) / step
        let upper = first >= input[axis] ? 0 : (input[axis] - 1 - first) / step + 1
        let end = min(output[axis], upper)
        return (min(lower, end)..<end, first)
    }
}
