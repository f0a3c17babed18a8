import Operators
import Tensors

extension ImportRule {
    static let casts: [ImportRule] = [
        .one("Cast") { node in
            let x = try node.input(0)
            return try node.cast(x, to: ElementType(onnx: Int32(clamping: node.requiredInteger("to"))))
        },
        .one("CastLike") { try $0.cast($0.input(0), to: $0.elementType($0.input(1))) },
    ]
}
