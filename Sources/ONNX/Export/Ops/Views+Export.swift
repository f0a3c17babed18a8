import Operators
import Tensors

extension Concat: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Concat", body.operands, ["axis": .integer(axis)])] }
}

extension Split: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        let inputs = body.operands + (sizes.map { [body.integers($0)] } ?? [])
        return body.apply("Split", inputs, ["axis": .integer(axis)], outputs: parts)
    }
}

extension Transpose: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.transposed(body.operands[0], permutation)] }
}

extension Flatten: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let shape = body.types[0].shape
        let (first, last) = (first < 0 ? first + shape.rank : first, last < 0 ? last + shape.rank : last)
        let sizes = (0..<first).map { _ in 0 } + [-1] + shape.dimensions[(last + 1)...]
        return [body.reshaped(body.operands[0], sizes)]
    }
}

extension Unflatten: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let shape = body.types[0].shape
        let axis = axis < 0 ? axis + shape.rank : axis
        return [body.reshaped(body.operands[0], (0..<axis).map { _ in 0 } + sizes + shape.dimensions[(axis + 1)...])]
    }
}

extension Unsqueeze: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let rank = body.types[0].shape.rank
        return [body.apply("Unsqueeze", [body.operands[0], body.integers(Array(rank..<rank + count))])]
    }
}

extension TokensFromImage: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        [body.transposed(body.reshaped(body.operands[0], [0, 0, -1]), [0, 2, 1])]
    }
}

extension ImageFromTokens: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let like = body.resultTypes[0].shape
        return [body.reshaped(body.transposed(body.operands[0], [0, 2, 1]), [0, 0, like[2], like[3]])]
    }
}

extension ConvertLayout: ExportableOp {
    /// ONNX knows no layouts; the function marks the place.
    public func export(_ body: inout ExportBody) -> [String] { [body.operands[0]] }
}
