import Files
import Tensors

/// A tensor in a mapped file: a view with strides of a run of bytes there.
struct StoredTensor: Sendable {
    let type: TensorType
    /// Where the first element is in the file.
    private let start: Int
    /// Bytes between neighbours along each dimension. Empty for a tensor that is known to be contiguous.
    private let byteStrides: [Int]
    /// All bytes that its elements lie in.
    private let span: Range<Int>
    private let isContiguous: Bool

    /// A contiguous tensor.
    init(type: TensorType, start: Int) {
        self.type = type
        self.start = start
        byteStrides = []
        span = start..<start + type.byteCount
        isContiguous = true
    }

    /// A view of a storage.
    ///
    /// - Parameters:
    ///   - storage: the storage's bytes in the file.
    ///   - offset: of the first element in the storage, in elements.
    ///   - strides: in elements.
    ///   - byteLimit: the largest tensor that can be meant. Strides of zero repeat elements, so a small file can declare a tensor of any size.
    init(_ elementType: ElementType, _ shape: Shape, storage: Range<Int>, offset: Int, strides: [Int], byteLimit: Int) throws {
        let type = TensorType(elementType, shape)
        guard strides.count == shape.rank, offset >= 0, strides.allSatisfy({ $0 >= 0 }), let count = shape.checkedElementCount,
            count <= byteLimit / elementType.byteSize
        else {
            throw InputError("has an impossible shape (\(shape), strides \(strides), offset \(offset))")
        }
        self.type = type
        let elementSize = elementType.byteSize
        if count == 0 {
            start = storage.lowerBound
            span = start..<start
            byteStrides = []
            isContiguous = true
            return
        }
        var last = offset
        var fits = true
        for (dimension, stride) in zip(shape.dimensions, strides) {
            let (distance, overflow) = stride.multipliedReportingOverflow(by: dimension - 1)
            let (sum, overflowToo) = last.addingReportingOverflow(distance)
            fits = fits && !overflow && !overflowToo
            last = sum
        }
        guard fits, last < storage.count / elementSize else {
            throw InputError(
                "reaches outside its storage of \(storage.count / elementSize) elements (\(type), strides \(strides), offset \(offset))")
        }
        start = storage.lowerBound + offset * elementSize
        span = start..<storage.lowerBound + (last + 1) * elementSize
        // The stride of a dimension of one element is of no consequence, and may be anything, so large that its bytes overflow.
        byteStrides = zip(shape.dimensions, strides).map { $0 == 1 ? 0 : $1 * elementSize }
        isContiguous = zip(shape.dimensions, zip(strides, shape.rowMajorStrides)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    /// The elements in row-major order, in aligned pieces of at most ``CheckpointPieces/byteLimit``. Pages that were read are released.
    func forEachPiece(in file: MappedFile, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard type.elementCount > 0 else { return }
        if isContiguous {
            return try forEachContiguousPiece(in: file, body)
        }
        let elementsPerPiece = min(CheckpointPieces.byteLimit / type.elementType.byteSize, type.elementCount)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: elementsPerPiece * type.elementType.byteSize, alignment: 64)
        defer {
            buffer.deallocate()
            release(span, of: file)
        }
        switch type.elementType.byteSize {
        case 8: try file.withBytes { try gather(UInt64.self, $0, of: file, buffer, body) }
        case 4: try file.withBytes { try gather(UInt32.self, $0, of: file, buffer, body) }
        case 2: try file.withBytes { try gather(UInt16.self, $0, of: file, buffer, body) }
        default: try file.withBytes { try gather(UInt8.self, $0, of: file, buffer, body) }
        }
    }

    private func forEachContiguousPiece(in file: MappedFile, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let isAligned = start % type.elementType.byteSize == 0
        let pieceSize = min(CheckpointPieces.byteLimit, span.count)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: isAligned ? 0 : pieceSize, alignment: 64)
        defer { buffer.deallocate() }
        for position in stride(from: span.lowerBound, to: span.upperBound, by: pieceSize) {
            let range = position..<min(position + pieceSize, span.upperBound)
            try file.withBytes {
                let bytes = UnsafeRawBufferPointer(rebasing: $0[range])
                if isAligned { return try body(bytes) }
                buffer.copyMemory(from: bytes)
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<range.count]))
            }
            release(range, of: file)
        }
    }

    /// The system maps some pages around each that is touched, so a little more is released.
    private func release(_ range: Range<Int>, of file: MappedFile) {
        let around = 64 << 10
        file.release(max(0, range.lowerBound - around)..<min(file.byteCount, range.upperBound + around))
    }

    private func gather<Bits: BitwiseCopyable>(
        _: Bits.Type, _ bytes: UnsafeRawBufferPointer, of file: MappedFile, _ buffer: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let source = bytes.baseAddress! + start
        let piece = buffer.bindMemory(to: Bits.self)
        // A scalar is a row of one.
        let shape = type.shape.rank == 0 ? [1] : type.shape.dimensions
        let strides = type.shape.rank == 0 ? [0] : byteStrides
        let outerAxes = shape.count - 1
        let rowLength = shape[outerAxes]
        let rowStride = strides[outerAxes]
        var index = [Int](repeating: 0, count: outerAxes)
        var rowStart = 0
        var column = 0
        var filled = 0
        var remaining = type.elementCount
        while remaining > 0 {
            let count = min(rowLength - column, piece.count - filled)
            for element in 0..<count {
                piece[filled &+ element] = source.loadUnaligned(
                    fromByteOffset: rowStart &+ (column &+ element) &* rowStride, as: Bits.self)
            }
            filled += count
            column += count
            remaining -= count
            if filled == piece.count || remaining == 0 {
                try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<(filled * MemoryLayout<Bits>.size)]))
                filled = 0
                // Each piece of a transposed tensor touches pages all over it.
                if span.count > 16 * CheckpointPieces.byteLimit { release(span, of: file) }
            }
            guard column == rowLength else { continue }
            column = 0
            var axis = outerAxes - 1
            while axis >= 0 {
                index[axis] += 1
                rowStart += strides[axis]
                if index[axis] < shape[axis] { break }
                rowStart -= strides[axis] * shape[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}
