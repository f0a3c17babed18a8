import COnnx
import Tensors

/// What a model declares of an input or output.
struct ONNXValueInfo: Sendable {
    enum Dimension: Sendable, CustomStringConvertible {
        case size(Int)
        case symbol(String)
        case unknown

        var description: String {
            switch self {
            case .size(let size): "\(size)"
            case .symbol(let symbol): symbol
            case .unknown: "?"
            }
        }
    }

    enum Declaration: Sendable {
        /// The number of the element type, and the sizes where at least their count is known.
        case tensor(Int32, [Dimension]?)
        /// Something that is no tensor, in words.
        case other(String)
        case none
    }

    var name: String
    var declaration: Declaration

    init(_ info: OpaquePointer) throws {
        let name = try String(dd_onnx_value_info_name(info), what: "the name of a value")
        self.name = name
        switch dd_onnx_value_info_type(info) {
        case DD_ONNX_TYPE_TENSOR:
            let elementType = dd_onnx_value_info_element_type(info)
            guard dd_onnx_value_info_has_shape(info) else {
                declaration = .tensor(elementType, nil)
                return
            }
            declaration = .tensor(
                elementType,
                try (0..<dd_onnx_value_info_dimension_count(info)).map { index in
                    switch dd_onnx_value_info_dimension_kind(info, index) {
                    case DD_ONNX_DIMENSION_SIZE: .size(Int(dd_onnx_value_info_dimension_size(info, index)))
                    case DD_ONNX_DIMENSION_SYMBOL:
                        .symbol(try String(dd_onnx_value_info_dimension_symbol(info, index), what: "a dimension of '\(name)'"))
                    default: .unknown
                    }
                })
        case DD_ONNX_TYPE_SPARSE_TENSOR: declaration = .other("a sparse tensor")
        case DD_ONNX_TYPE_SEQUENCE: declaration = .other("a sequence")
        case DD_ONNX_TYPE_MAP: declaration = .other("a map")
        case DD_ONNX_TYPE_OPTIONAL: declaration = .other("an optional")
        default: declaration = .none
        }
    }
}
