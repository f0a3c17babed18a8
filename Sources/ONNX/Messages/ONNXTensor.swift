import COnnx
import Files
import GraphIR
import Tensors

/// A tensor as the model has it: an initialiser or the value of an attribute.
///
/// Sendable, since its message is part of the model, which nobody changes.
struct ONNXTensor: @unchecked Sendable {
    var name: String
    private let message: OpaquePointer
    private let model: ParsedModel

    init(_ message: OpaquePointer, of model: ParsedModel) throws {
        name = try String(dd_onnx_tensor_name(message), what: "the name of a tensor")
        self.message = message
        self.model = model
    }

    /// The type, checked so that its size can be computed.
    func type() throws -> TensorType {
        let elementType = try ElementType(onnx: dd_onnx_tensor_data_type(message))
        let dimensions = UnsafeBufferPointer(start: dd_onnx_tensor_dimensions(message), count: dd_onnx_tensor_dimension_count(message))
        let type = TensorType(elementType, Shape(dimensions.map(Int.init)))
        try Graph.check(type)
        return type
    }

    /// The numbers, over the bytes of the model or of its external data where those can be used as they are.
    ///
    /// What the tensor declares is compared with what is there before any memory is taken.
    func load(_ external: ExternalData) throws -> Tensor { try model.withMessage { _ in try tensor(at: locate(external)) } }

    /// Checks that there are as many bytes as the type says.
    func check(_ external: ExternalData) throws { _ = try locate(external) }

    /// Says that the pages of external data are not needed for now.
    func releasePages(_ external: ExternalData) {
        if let located = try? locate(external), case .external(let file, let range) = located.place { file.release(range) }
    }

    private enum Place {
        case bytes(UnsafeRawBufferPointer)
        case external(MappedFile, Range<Int>)
        case int32s(UnsafeBufferPointer<Int32>)
        case uint64s(UnsafeBufferPointer<UInt64>)
    }

    private struct Located {
        var type: TensorType
        var place: Place
    }

    private func locate(_ external: ExternalData) throws -> Located {
        let type = try type()
        guard !dd_onnx_tensor_has_segment(message) else { throw InputError("is a segment of a tensor, which is not supported") }
        if dd_onnx_tensor_is_external(message) {
            let (file, range) = try external.locate(externalEntries(), byteCount: type.byteCount)
            return Located(type: type, place: .external(file, range))
        }
        let place: Place
        let (count, unit): (Int, String)
        if dd_onnx_tensor_has_raw_data(message) {
            let data = dd_onnx_tensor_raw_data(message)
            place = .bytes(UnsafeRawBufferPointer(start: data.bytes, count: data.count))
            guard data.count == type.byteCount else {
                throw InputError("is \(type), which takes \(type.byteCount) bytes; \(data.count) are there")
            }
            return Located(type: type, place: place)
        }
        switch type.elementType {
        case .float32:
            (count, unit) = (dd_onnx_tensor_float_count(message), "floats")
            place = .bytes(UnsafeRawBufferPointer(UnsafeBufferPointer(start: dd_onnx_tensor_floats(message), count: count)))
        case .float64:
            (count, unit) = (dd_onnx_tensor_double_count(message), "doubles")
            place = .bytes(UnsafeRawBufferPointer(UnsafeBufferPointer(start: dd_onnx_tensor_doubles(message), count: count)))
        case .int64:
            (count, unit) = (dd_onnx_tensor_int64_count(message), "int64 numbers")
            place = .bytes(UnsafeRawBufferPointer(UnsafeBufferPointer(start: dd_onnx_tensor_int64s(message), count: count)))
        case .uint32, .uint64:
            (count, unit) = (dd_onnx_tensor_uint64_count(message), "uint64 numbers")
            place = .uint64s(UnsafeBufferPointer(start: dd_onnx_tensor_uint64s(message), count: count))
        default:
            (count, unit) = (dd_onnx_tensor_int32_count(message), "int32 numbers")
            place = .int32s(UnsafeBufferPointer(start: dd_onnx_tensor_int32s(message), count: count))
        }
        guard count == type.elementCount else { throw InputError("is \(type), but holds \(count) \(unit)") }
        return Located(type: type, place: place)
    }

    private func externalEntries() throws -> [String: String] {
        var entries: [String: String] = [:]
        for index in 0..<dd_onnx_tensor_external_count(message) {
            let key = try String(dd_onnx_tensor_external_key(message, index), what: "a key of the external data")
            entries[key] = try String(dd_onnx_tensor_external_value(message, index), what: "the '\(key)' of the external data")
        }
        return entries
    }

    private func tensor(at located: Located) -> Tensor {
        let type = located.type
        switch located.place {
        case .bytes(let bytes): return tensor(type, Storage(borrowing: bytes, owner: model))
        case .external(let file, let range): return tensor(type, Storage(mapping: file, range: range))
        case .int32s(let numbers): return converted(type, numbers)
        case .uint64s(let numbers): return converted(type, numbers)
        }
    }

    /// A tensor over these bytes, or a copy where kernels could not read them in place.
    private func tensor(_ type: TensorType, _ storage: Storage) -> Tensor {
        storage.withBytes { bytes in
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return Tensor(type) }
            if type.elementType == .bool { return converted(type, bytes) { $0 == 0 ? UInt8(0) : 1 } }
            return Int(bitPattern: base) % type.elementType.byteSize == 0 ? Tensor(type: type, storage: storage) : Tensor(type, copying: bytes)
        }
    }

    /// Numbers that the message keeps wider than they are. 16-bit floats stand there as their bits.
    private func converted<Wide: FixedWidthInteger>(_ type: TensorType, _ numbers: UnsafeBufferPointer<Wide>) -> Tensor {
        switch (type.elementType, type.elementType.byteSize) {
        case (.bool, _): converted(type, numbers) { $0 == 0 ? UInt8(0) : 1 }
        case (_, 1): converted(type, numbers) { UInt8(truncatingIfNeeded: $0) }
        case (_, 2): converted(type, numbers) { UInt16(truncatingIfNeeded: $0) }
        case (_, 4): converted(type, numbers) { UInt32(truncatingIfNeeded: $0) }
        default: converted(type, numbers) { UInt64(truncatingIfNeeded: $0) }
        }
    }

    private func converted<Numbers: Collection, Narrow: BitwiseCopyable>(
        _ type: TensorType, _ numbers: Numbers, _ convert: (Numbers.Element) -> Narrow
    ) -> Tensor {
        Tensor(type) { (target: UnsafeMutableBufferPointer<Narrow>) in for (index, number) in numbers.enumerated() { target[index] = convert(number) } }
    }
}
