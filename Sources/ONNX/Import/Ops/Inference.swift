import Files
import Operators
import Tensors

extension ImportRule {
    /// Operators that do something in training only.
    static let inference: [ImportRule] = [
        ImportRule("Dropout") { node in
            let x = try node.input(0)
            if let mode = node.optionalInput(2), try node.float(mode, "training_mode") != 0 {
                let ratio = try node.optionalInput(1).map { try node.float($0, "ratio") } ?? 0.5
                guard ratio == 0 else { throw InputError("it is in training mode", advice: "Export the model for inference.") }
            }
            guard node.wants(1) else { return [x] }
            return [x, try node.expand(node.scalar(1, node.opset < 10 ? node.elementType(x) : .bool), node.shape(x))]
        }
    ]
}
