import Operators
import Tensors

extension Reduce: ExportableOp {
    public var isStandard: Bool { true }

    public func export(_ body: inout ExportBody) -> [String] {
        let keeps = ONNXAttributeValue.integer(keepsDimensions ? 1 : 0)
        let x = body.operands[0]
        if function == .sum { return [body.apply("ReduceSum", [x, body.integers(axes)], ["keepdims": keeps])] }
        let operation =
            switch function {
            case .sum, .mean: "ReduceMean"
            case .max: "ReduceMax"
            case .min: "ReduceMin"
            case .product: "ReduceProd"
            case .l1: "ReduceL1"
            case .l2: "ReduceL2"
            case .logSum: "ReduceLogSum"
            case .logSumExp: "ReduceLogSumExp"
            case .sumSquare: "ReduceSumSquare"
            }
        return [body.apply(operation, [x], ["axes": .integers(axes), "keepdims": keeps])]
    }
}

extension ArgReduce: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [
            body.apply(
                function == .max ? "ArgMax" : "ArgMin", body.operands,
                [
                    "axis": .integer(axis), "keepdims": .integer(keepsDimensions ? 1 : 0),
                    "select_last_index": .integer(selectsLast ? 1 : 0),
                ])
        ]
    }
}

extension CumulativeSum: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        let axis = body.constant(.integers([axis]).reshaped([]))
        return [
            body.apply(
                "CumSum", [body.operands[0], axis], ["exclusive": .integer(exclusive ? 1 : 0), "reverse": .integer(reversed ? 1 : 0)])
        ]
    }
}

extension TopK: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        body.apply(
            "TopK", [body.operands[0], body.integers([k])], ["axis": .integer(axis), "largest": .integer(largest ? 1 : 0)], outputs: 2)
    }
}
