import Files
import Tensors

/// An array file of NumPy: `\x93NUMPY`, version, the header's length, the header (a Python dictionary of `descr`, `fortran_order` and `shape`),
/// then the elements. Format: numpy.lib.format, versions 1 to 3.
///
/// Little-endian, in C or Fortran order. NumPy has no bfloat16.
enum NumPyArray {
    private static let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
    private static let headerLimit = 1 << 16
    /// The most bytes that are in front of the elements.
    static let longestPreamble = headerLimit + 12

    private static let typeCodes: [(code: String, type: ElementType)] = [
        ("f4", .float32), ("f8", .float64), ("f2", .float16), ("i8", .int64), ("i4", .int32), ("i2", .int16), ("i1", .int8), ("u8", .uint64), ("u4", .uint32),
        ("u2", .uint16), ("u1", .uint8),
        ("b1", .bool),
    ]

    static func looksLike(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

    /// A copy of the array's elements.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws -> Tensor {
        var reader = BoundedReader(bytes)
        let declaration = try declaration(&reader)
        return try decode(declaration, try reader.take(declaration.type.byteCount))
    }

    /// What stands in front of the elements.
    struct Declaration {
        var type: TensorType
        /// The first index runs fastest.
        var fortranOrder: Bool
    }

    /// - Parameter byteCount: of the whole file, where not all of it is there to be read.
    static func declaration(_ reader: inout BoundedReader, byteCount: Int? = nil) throws -> Declaration {
        guard looksLike(reader.bytes) else { throw InputError("is not a NumPy array") }
        try reader.skip(magic.count)
        let version = try reader.number(UInt8.self)
        try reader.skip(1)
        guard (1...3).contains(version) else { throw InputError("is of version \(version) of the format, which is not known") }
        let length = version == 1 ? Int(try reader.number(UInt16.self)) : Int(try reader.number(UInt32.self))
        guard length <= headerLimit else { throw InputError("has a header of \(length) bytes; the limit is \(headerLimit)") }
        let header = try NumPyHeader(String(decoding: try reader.take(length), as: UTF8.self))
        let type = TensorType(try elementType(header.descriptor), Shape(header.shape))
        let rest = (byteCount ?? reader.bytes.count) - reader.position
        guard let count = type.shape.checkedElementCount, count <= rest / type.elementType.byteSize else {
            throw InputError("ends too early for an array \(type)", advice: "It was cut short; write it again.")
        }
        return Declaration(type: type, fortranOrder: header.fortranOrder && type.shape.rank > 1)
    }

    private static func decode(_ declaration: Declaration, _ data: UnsafeRawBufferPointer) throws -> Tensor {
        var tensor = declaration.fortranOrder && !data.isEmpty ? reversed(data, declaration.type) : Tensor(declaration.type, copying: data)
        normalizeBools(&tensor)
        return tensor
    }

    /// Elements that lie in a tensor as they do in the file, made right in place.
    static func decode(_ declaration: Declaration, inPlace tensor: inout Tensor) throws {
        if declaration.fortranOrder { tensor = try tensor.withBytes { try decode(declaration, $0) } } else { normalizeBools(&tensor) }
    }

    private static func normalizeBools(_ tensor: inout Tensor) {
        guard tensor.type.elementType == .bool else { return }
        tensor.withMutableBytes { for index in $0.indices { $0[index] = $0[index] == 0 ? 0 : 1 } }
    }

    /// The bytes in front of a tensor's elements, a multiple of 64.
    static func header(_ type: TensorType) throws -> [UInt8] {
        guard let code = typeCodes.first(where: { $0.type == type.elementType })?.code else {
            throw InputError("NumPy has no \(type.elementType.rawValue)", advice: "Write a .safetensors file.")
        }
        let order = type.elementType.byteSize == 1 ? "|" : "<"
        let sizes = type.shape.dimensions.map { "\($0)," }.joined(separator: " ")
        var text = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(sizes)), }"
        let before = magic.count + 4
        text += String(repeating: " ", count: 63 - (before + text.utf8.count) % 64) + "\n"
        return magic + [1, 0, UInt8(text.utf8.count & 0xff), UInt8(text.utf8.count >> 8)] + Array(text.utf8)
    }

    private static func elementType(_ descriptor: String) throws -> ElementType {
        let code = String(descriptor.dropFirst())
        guard let entry = typeCodes.first(where: { $0.code == code }), let order = descriptor.first else {
            throw InputError("has elements of the type '\(descriptor)', which is not supported", advice: "Convert it with astype first.")
        }
        guard order != ">" || entry.type.byteSize == 1 else {
            throw InputError("has big-endian elements ('\(descriptor)')", advice: "Convert it with astype('<\(code)') first.")
        }
        guard "<|=>".contains(order) else { throw InputError("has elements of the type '\(descriptor)', which is not supported") }
        return entry.type
    }

    /// Copies elements whose first index runs fastest into row-major order.
    private static func reversed(_ source: UnsafeRawBufferPointer, _ type: TensorType) -> Tensor {
        var result = Tensor(type)
        let size = type.elementType.byteSize
        let dimensions = type.shape.dimensions
        var strides = [Int](repeating: size, count: dimensions.count)
        for axis in dimensions.indices.dropFirst() { strides[axis] = strides[axis - 1] * dimensions[axis - 1] }
        var index = [Int](repeating: 0, count: dimensions.count)
        var offset = 0
        result.withMutableBytes { bytes in
            for target in stride(from: 0, to: type.byteCount, by: size) {
                (bytes.baseAddress! + target).copyMemory(from: source.baseAddress! + offset, byteCount: size)
                for axis in dimensions.indices.reversed() {
                    index[axis] += 1
                    offset += strides[axis]
                    if index[axis] < dimensions[axis] { break }
                    offset -= strides[axis] * dimensions[axis]
                    index[axis] = 0
                }
            }
        }
        return result
    }
}
