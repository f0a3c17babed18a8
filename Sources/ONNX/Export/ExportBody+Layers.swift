import Operators
import Tensors

/// Computations that several ops share.
extension ExportBody {
    mutating func silu(_ x: String) -> String { apply("Mul", [x, apply("Sigmoid", [x])]) }

    /// The exact form, in the order in which exporters write it.
    mutating func gelu(_ x: String) -> String {
        let error = apply("Erf", [apply("Div", [x, scalar(2.0.squareRoot())])])
        return apply("Mul", [apply("Mul", [x, apply("Add", [error, scalar(1)])]), scalar(0.5)])
    }

    mutating func geglu(_ x: String) -> String {
        let halves = apply("Split", [x], ["axis": .integer(-1)], outputs: 2)
        return apply("Mul", [halves[0], gelu(halves[1])])
    }

    /// What an op's epilogue makes of its result, step by step.
    ///
    /// - Parameters:
    ///   - addsBias: false where the layer itself has added it.
    ///   - axes: over which moments are taken.
    mutating func epilogue(_ y: String, _ operands: FusedOperands<Int>, addsBias: Bool, momentsOver axes: [Int]) -> [String] {
        var results = [y]
        for (step, values) in operands.epilogue {
            let values = values.map { self.operands[$0] }
            switch step {
            case .addBias: if addsBias { results[0] = apply("Add", [results[0], concatenated(values, axis: 0)]) }
            case .addPerChannel: results[0] = apply("Add", [results[0], channels(values[0], rank: 2)])
            case .silu: results[0] = silu(results[0])
            case .gelu: results[0] = gelu(results[0])
            case .geglu: results[0] = geglu(results[0])
            case .addResidual: results[0] = apply("Add", [results[0], values[0]])
            case .takeMoments: results.append(moments(results[0], over: axes))
            }
        }
        return results
    }

    /// Channels [N, C] or [C] as an image of one pixel.
    mutating func channels(_ x: String, rank: Int) -> String { apply("Unsqueeze", [x, integers(rank == 1 ? [1, 2] : [2, 3])]) }

    mutating func transposed(_ x: String, _ permutation: [Int]) -> String {
        apply("Transpose", [x], ["perm": .integers(permutation)])
    }

    mutating func reshaped(_ x: String, _ shape: [Int]) -> String { apply("Reshape", [x, integers(shape)]) }

    mutating func sliced(_ x: String, starts: [Int], ends: [Int], axes: [Int]) -> String {
        apply("Slice", [x, integers(starts), integers(ends), integers(axes)])
    }

    mutating func concatenated(_ parts: [String], axis: Int) -> String {
        parts.count == 1 ? parts[0] : apply("Concat", parts, ["axis": .integer(axis)])
    }

    /// The neighbourhoods of an image [N, C, H, W]: [N, C, kh kw, H, W].
    mutating func unfolded(_ x: String, _ type: TensorType, kernelSize: [Int]) throws -> String {
        let (height, width) = (type.shape[2], type.shape[3])
        try Self.requireWritable(max(kernelSize[0] * height, kernelSize[1] * width), "places of neighbours")
        let reach = kernelSize.map { ($0 - 1) / 2 }
        let pads = integers([0, 0, reach[0], reach[1], 0, 0, reach[0], reach[1]])
        let padded = apply("Pad", [x, pads], ["mode": .string("constant")])
        func places(_ size: Int, _ length: Int) -> ONNXTensorValue {
            .integers((0..<size).flatMap { offset in (0..<length).map { $0 + offset } }).reshaped([size, length])
        }
        let rows = apply("Gather", [padded, constant(places(kernelSize[0], height))], ["axis": .integer(2)])
        let both = apply("Gather", [rows, constant(places(kernelSize[1], width))], ["axis": .integer(4)])
        // [N, C, kh, H, kw, W]
        return reshaped(transposed(both, [0, 1, 2, 4, 3, 5]), [0, 0, kernelSize[0] * kernelSize[1], height, width])
    }
}
