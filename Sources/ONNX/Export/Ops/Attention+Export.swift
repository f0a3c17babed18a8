import Operators
import Tensors

extension Attention: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        var parts = body.operands
        switch packing {
        case nil: break
        case .keyValue: parts = [parts[0]] + body.apply("Split", [parts[1]], ["axis": .integer(2)], outputs: 2)
        case .queryKeyValue: parts = body.apply("Split", [parts[0]], ["axis": .integer(2)], outputs: 3)
        }
        func heads(_ tokens: String, _ permutation: [Int]) -> String {
            body.transposed(body.reshaped(tokens, [0, 0, -1, headSize]), permutation)
        }
        let (query, value) = (heads(parts[0], [0, 2, 1, 3]), heads(parts[2], [0, 2, 1, 3]))
        var scores = body.apply("MatMul", [query, heads(parts[1], [0, 2, 3, 1])])
        scores = body.apply("Mul", [scores, body.scalar(Double(scale))])
        if causal { scores = body.apply("Add", [scores, body.causalMask(body.resultTypes[0].shape[1])]) }
        let mixed = body.apply("MatMul", [body.apply("Softmax", [scores], ["axis": .integer(-1)]), value])
        return [body.reshaped(body.transposed(mixed, [0, 2, 1, 3]), [0, 0, -1])]
    }
}

extension CausalMask: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let shape = body.types[0].shape
        return [body.apply("Add", [body.operands[0], body.causalMask(shape[-2], shape[-1])])]
    }
}

extension ExportBody {
    /// Minus infinity where a key is later than the query, else 0.
    fileprivate mutating func causalMask(_ queries: Int, _ keys: Int? = nil) -> String {
        let blocked = ONNXTensorValue.floats([-.infinity], shape: [1], types[0].elementType)
        let square = apply("ConstantOfShape", [integers([queries, keys ?? queries])], ["value": .tensor(blocked)])
        let one = constant(.integers([1]).reshaped([]))
        return apply("Trilu", [square, one], ["upper": .integer(1)])
    }
}
