import COnnx

extension String {
    /// Nil where the bytes are not UTF-8.
    init?(_ text: dd_onnx_text) {
        self.init(validating: UnsafeRawBufferPointer(start: text.bytes, count: text.count), as: UTF8.self)
    }
}
