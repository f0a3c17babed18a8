import Foundation
import Operators
import Tensors

extension Add: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Add", body.operands)] }
}

extension Multiply: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Mul", body.operands)] }
}

extension Scale: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("Mul", [body.operands[0], body.scalar(Double(factor))])]
    }
}

extension SiLU: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] { [body.silu(body.operands[0])] }
}

extension GELU: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] { [body.gelu(body.operands[0])] }
}

extension Softmax: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Softmax", body.operands, ["axis": .integer(-1)])] }
}

extension ReduceSum: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("ReduceSum", [body.operands[0], body.integers([axis])], ["keepdims": .integer(0)])]
    }
}

extension TimestepEmbedding: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let half = dimension / 2
        try ExportBody.requireWritable(half, "frequencies")
        let type = body.types[0].elementType
        // In float32, as the networks were trained with them.
        let frequencies = (0..<half).map { k in
            Double(Float(exp(Double(Float(-log(Double(maxPeriod))) * Float(k) / Float(half)))))
        }
        let column = body.apply("Unsqueeze", [body.operands[0], body.integers([1])])
        let angles = body.apply("Mul", [column, body.constant(.floats(frequencies, shape: [1, half], type))])
        var parts = [body.apply("Cos", [angles]), body.apply("Sin", [angles])]
        if dimension % 2 == 1 { parts.append(body.apply("Mul", [column, body.scalar(0)])) }
        return [body.concatenated(parts, axis: 1)]
    }
}

extension Embedding: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("Gather", [body.operands[1], body.operands[0]], ["axis": .integer(0)])]
    }
}
