import Files
import Operators
import Tensors

extension Reshape: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        // A 0 would mean the operand's size.
        [body.apply("Reshape", [body.operands[0], body.integers(shape)], ["allowzero": .integer(shape.contains(0) ? 1 : 0)])]
    }
}

extension Expand: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Expand", [body.operands[0], body.integers(shape)])] }
}

extension Slice: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        let ends = zip(zip(starts, sizes), steps).map { place, step in
            let end = place.0 + place.1 * step
            // Below zero it would count from the end.
            return step < 0 && end < 0 ? -(1 << 31) : end
        }
        let lists = [starts, ends, Array(starts.indices), steps].map { body.integers($0) }
        return [body.apply("Slice", [body.operands[0]] + lists)]
    }
}

extension Pad: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        guard mode != .wrap else { throw InputError("opset \(ONNXExport.opsetVersion) cannot pad with the tensor itself") }
        var inputs = [body.operands[0], body.integers(before + after)]
        if body.operands.count == 2 { inputs.append(body.types[1].shape.rank == 0 ? body.operands[1] : body.reshaped(body.operands[1], [])) }
        return [body.apply("Pad", inputs, ["mode": .string(mode.rawValue)])]
    }
}

extension Tile: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Tile", [body.operands[0], body.integers(repeats)])] }
}

extension Triangle: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        let place = body.constant(.integers([diagonal]).reshaped([]))
        return [body.apply("Trilu", [body.operands[0], place], ["upper": .integer(upper ? 1 : 0)])]
    }
}

extension Gather: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Gather", body.operands, ["axis": .integer(axis)])] }
}

extension GatherElements: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("GatherElements", body.operands, ["axis": .integer(axis)])] }
}

extension GatherND: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("GatherND", [body.operands[0], body.long(1)], ["batch_dims": .integer(batchDimensions)])]
    }
}

extension ScatterElements: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        [body.apply("ScatterElements", body.operands, ["axis": .integer(axis), "reduction": .string(try reduction.word())])]
    }
}

extension ScatterND: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) throws -> [String] {
        [body.apply("ScatterND", [body.operands[0], body.long(1), body.operands[2]], ["reduction": .string(try reduction.word())])]
    }
}

extension ScatterReduction {
    /// ONNX's word for it.
    fileprivate func word() throws -> String {
        switch self {
        case .none, .add, .multiply: return rawValue == "multiply" ? "mul" : rawValue
        default: throw InputError("opset \(ONNXExport.opsetVersion) cannot scatter \(rawValue)")
        }
    }
}

extension ExportBody {
    /// Indices as i64, which is all that some operators take.
    fileprivate mutating func long(_ index: Int) -> String {
        types[index].elementType == .int64
            ? operands[index] : apply("Cast", [operands[index]], ["to": .integer(Int(ElementType.int64.onnxDataType))])
    }
}
