import Files
import Foundation

/// A run of bytes that tensors share, to be read: ``Memory``, or part of a mapped file, which it keeps alive.
///
/// Sendable, since bytes are written only through a ``Memory``, by whoever alone holds it.
public class Storage: @unchecked Sendable {
    public let byteCount: Int
    /// For the runtime, which keeps storages alive while its kernels run.
    package let address: UnsafeMutableRawPointer
    private let owner: AnyObject?

    /// Tensors start at multiples of this, for the widest vector registers and whole cache lines.
    public static let alignment = 64

    fileprivate init(_ address: UnsafeMutableRawPointer, byteCount: Int) { (self.address, self.byteCount, owner) = (address, byteCount, nil) }

    /// - `owner`: keeps the bytes where they are as long as it lives, and unchanged.
    public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        // Without a byte there need be no address.
        address = bytes.baseAddress.map(UnsafeMutableRawPointer.init(mutating:)) ?? UnsafeMutableRawPointer(bitPattern: Storage.alignment)!
        byteCount = bytes.count
        self.owner = owner
    }

    /// A window of a mapped file; the file stays mapped as long as this lives.
    public convenience init(mapping file: MappedFile, range: Range<Int>) {
        self.init(borrowing: file.withBytes { UnsafeRawBufferPointer(rebasing: $0[range]) }, owner: file)
    }

    /// The bytes, for the time of the call.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: address, count: byteCount)) }
    }
}

/// Memory of its own, which whoever alone holds it may write.
public final class Memory: Storage, @unchecked Sendable {
    /// Zeros. Pages of large memories are taken only once they are touched.
    public init(byteCount: Int) {
        precondition(byteCount >= 0)
        if byteCount >= Memory.mappingThreshold {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
                outOfMemory(byteCount)
            }
            madvise(base, byteCount, MADV_HUGEPAGE)
            super.init(base, byteCount: byteCount)
            return
        }
        let size = max(byteCount, 1)
        var pointer: UnsafeMutableRawPointer?
        guard posix_memalign(&pointer, Storage.alignment, size) == 0, let pointer else {
            outOfMemory(byteCount)
        }
        pointer.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        super.init(pointer, byteCount: byteCount)
    }

    private static let mappingThreshold = 1 << 20

    /// The bytes, for the time of the call, to be written by nobody else meanwhile.
    public func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeMutableRawBufferPointer(start: address, count: byteCount)) }
    }

    /// The same bytes, which nobody writes any more.
    public var frozen: Storage { Storage(borrowing: UnsafeRawBufferPointer(start: address, count: byteCount), owner: self) }

    deinit { if byteCount >= Memory.mappingThreshold { munmap(address, byteCount) } else { free(address) } }
}
