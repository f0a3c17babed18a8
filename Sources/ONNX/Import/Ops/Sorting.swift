import Operators
import Tensors

extension ImportRule {
    static let sorting: [ImportRule] = [
        ImportRule("TopK") { node in
            let x = try node.input(0)
            // k was an attribute before opset 10.
            let k = try node.optionalInput(1).map { try node.integer($0, "k") } ?? node.requiredInteger("k")
            return try node.applyAll(
                TopK(
                    axis: node.axis(node.integer("axis", default: -1), rank: node.rank(x)), k: k,
                    largest: node.flag("largest", default: true)), [x])
        }
    ]
}
