import Operators
import Tensors

extension ImportRule {
    static let reductions: [ImportRule] = [
        reduction("ReduceSum", .sum), reduction("ReduceMean", .mean), reduction("ReduceMax", .max), reduction("ReduceMin", .min),
        reduction("ReduceProd", .product), reduction("ReduceL1", .l1), reduction("ReduceL2", .l2), reduction("ReduceLogSum", .logSum),
        reduction("ReduceLogSumExp", .logSumExp), reduction("ReduceSumSquare", .sumSquare), extreme("ArgMax", .max), extreme("ArgMin", .min),
    ]

    private static func reduction(_ opType: String, _ function: Reduce.Function) -> ImportRule {
        .one(opType) { node in
            let x = try node.input(0)
            var axes = try node.axes(node.integers(attribute: "axes", orInput: 1) ?? [], rank: node.rank(x))
            if axes.isEmpty {
                if try node.flag("noop_with_empty_axes", default: false) { return x }
                axes = Array(0..<node.rank(x))
            }
            return try node.reduce(function, x, axes: axes.sorted(), keepsDimensions: node.flag("keepdims", default: true))
        }
    }

    private static func extreme(_ opType: String, _ function: ArgReduce.Function) -> ImportRule {
        .one(opType) { node in
            let x = try node.input(0)
            return try node.apply(
                ArgReduce(
                    function, axis: node.axis(node.integer("axis", default: 0), rank: node.rank(x)),
                    keepsDimensions: node.flag("keepdims", default: true), selectsLast: node.flag("select_last_index", default: false)), x)
        }
    }
}
