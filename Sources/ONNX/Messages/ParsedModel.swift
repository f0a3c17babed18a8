import COnnx
import Files
import Tensors

/// A parsed message. Everything that is read from it keeps it alive.
///
/// Sendable, since nobody changes it.
final class ParsedModel: @unchecked Sendable {
    private let pointer: OpaquePointer

    init(parsing bytes: UnsafeRawBufferPointer) throws {
        var model: OpaquePointer?
        switch dd_onnx_model_parse(bytes.baseAddress, bytes.count, &model) {
        case DD_ONNX_PARSED: pointer = model!
        case DD_ONNX_TOO_LARGE:
            throw InputError(
                "is too large for a protobuf message (\(bytes.count) bytes), or would unfold to far more",
                advice: "Export the model with its weights as external data.")
        default: throw InputError("is no ONNX model, or was cut short: it cannot be parsed as a protobuf message")
        }
    }

    /// The message, for the time of the call.
    func withMessage<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result { try withExtendedLifetime(self) { try body(pointer) } }

    deinit { dd_onnx_model_free(pointer) }
}

extension String {
    /// A text of a message, which must be UTF-8.
    init(_ text: dd_onnx_text, what: @autoclosure () -> String) throws {
        let bytes = UnsafeRawBufferPointer(start: text.bytes, count: text.count)
        guard let string = String(validating: bytes, as: UTF8.self) else { throw InputError("\(what()) is not UTF-8") }
        self = string
    }
}
