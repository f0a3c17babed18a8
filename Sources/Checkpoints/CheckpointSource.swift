import Files
import Tensors

/// Named tensors in a file (or several), read piece by piece so that no whole checkpoint, and no whole large tensor, need be in memory.
public protocol CheckpointSource: AnyObject, Sendable {
    /// The files behind it, for provenance.
    var paths: [String] { get }

    /// In the order of the file.
    var names: [String] { get }

    /// Element type and shape as stored, or nil where there is no such tensor.
    func type(of name: String) -> TensorType?

    /// Calls `body` with consecutive pieces of the tensor: whole elements of the stored type, in row-major order, whatever strides the file
    /// keeps them with. A piece is at most ``CheckpointPieces/byteLimit`` long, aligned for its element type, and gone after the call.
    ///
    /// - Throws: an `InputError` where there is no such tensor, and what `body` throws.
    func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws
}

/// How tensors are cut into pieces.
public enum CheckpointPieces {
    /// Large enough that the cost of a call vanishes, small enough for any machine. A multiple of every element size.
    public static let byteLimit = 4 << 20
}

extension CheckpointSource {
    /// The whole tensor, copied and contiguous, with the element type of the file.
    public func tensor(_ name: String) throws -> Tensor {
        guard let type = type(of: name) else { throw InputError("there is no such tensor in the checkpoint", at: name) }
        var result = Tensor(type)
        var filled = 0
        try forEachPiece(of: name) { piece in
            result.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[filled..<filled + piece.count]).copyMemory(from: piece) }
            filled += piece.count
        }
        return result
    }

    /// Like ``forEachPiece(of:_:)``, with the elements converted to float32.
    ///
    /// float16 and bfloat16 convert exactly; float64 and integers are rounded to nearest even; a bool becomes 0 or 1.
    public func forEachFloatPiece(of name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        guard let type = type(of: name) else { throw InputError("there is no such tensor in the checkpoint", at: name) }
        let capacity = min(CheckpointPieces.byteLimit / type.elementType.byteSize, type.elementCount)
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: type.elementType == .float32 ? 0 : capacity)
        defer { buffer.deallocate() }
        try forEachPiece(of: name) { piece in
            if type.elementType == .float32 { return try body(piece.bindMemory(to: Float.self)) }
            let count = piece.count / type.elementType.byteSize
            ElementConversion.convertToFloat32(piece, type.elementType, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            try body(UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// All elements as float32.
    public func floats(_ name: String) throws -> [Float] {
        var result: [Float] = []
        try forEachFloatPiece(of: name) { result.append(contentsOf: $0) }
        return result
    }
}
