import Files
import Foundation

/// A run of bytes that tensors share: allocated here, or part of a mapped file that it keeps alive.
public final class Storage: @unchecked Sendable {
    public let bytes: UnsafeMutableRawBufferPointer
    private let owner: AnyObject?

    /// Tensors start at multiples of this, for the widest vector registers and whole cache lines.
    public static let alignment = 64

    /// Zeroed memory of its own. Pages of large storages take up memory only once they are touched.
    public init(byteCount: Int) {
        precondition(byteCount >= 0)
        owner = nil
        if byteCount >= Storage.mappingThreshold {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
                outOfMemory(byteCount)
            }
            madvise(base, byteCount, MADV_HUGEPAGE)
            bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
            return
        }
        let size = max(byteCount, 1)
        var pointer: UnsafeMutableRawPointer?
        guard posix_memalign(&pointer, Storage.alignment, size) == 0, let pointer else {
            outOfMemory(byteCount)
        }
        pointer.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        bytes = UnsafeMutableRawBufferPointer(start: pointer, count: byteCount)
    }

    private static let mappingThreshold = 1 << 20

    /// A window of a mapped file; the file stays mapped as long as this lives. The memory must not be written.
    public init(mapping file: MappedFile, range: Range<Int>) {
        bytes = UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: file.bytes[range]))
        owner = file
    }

    /// Memory that somebody else owns, who is kept alive. It must not be written.
    public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.bytes = UnsafeMutableRawBufferPointer(mutating: bytes)
        self.owner = owner
    }

    deinit {
        guard owner == nil else { return }
        if bytes.count >= Storage.mappingThreshold { munmap(bytes.baseAddress!, bytes.count) } else { free(bytes.baseAddress) }
    }
}
