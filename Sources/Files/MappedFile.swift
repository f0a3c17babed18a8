import Foundation

/// A file mapped read-only into memory: pages are read when they are touched and need no copy.
///
/// Sendable, since nobody writes the bytes, and they stay where they are as long as it lives.
public final class MappedFile: @unchecked Sendable {
    public let path: String
    private let bytes: UnsafeRawBufferPointer
    private let registration: MappedRanges.Registration?

    /// Only regular files are read. Opening never waits, as it would for a pipe that nobody writes into.
    public init(path: String) throws {
        self.path = path
        let descriptor = open(FilePath.system(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw InputError("cannot open the file: \(systemErrorMessage())", at: path) }
        defer { close(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else { throw InputError("cannot read the file: \(systemErrorMessage())", at: path) }
        guard status.kind == S_IFREG else { throw InputError("is \(status.description), not a regular file", at: path) }
        guard status.size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            registration = nil
            return
        }
        guard let base = mmap(nil, status.size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw InputError("cannot map the file: \(systemErrorMessage())", at: path)
        }
        bytes = UnsafeRawBufferPointer(start: base, count: status.size)
        registration = MappedRanges.register(bytes, path)
    }

    public var byteCount: Int { bytes.count }

    /// The bytes, for the time of the call.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(bytes) }
    }

    deinit {
        registration?.forget()
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    /// Tells the system that these bytes are not needed for now, so that they stop counting as resident memory.
    public func release(_ range: Range<Int>) {
        guard let base = bytes.baseAddress, !range.isEmpty else { return }
        let page = 4096
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound == bytes.count ? range.upperBound : range.upperBound / page * page
        if start < end { madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED) }
    }

    /// The file's text, for files that people write.
    public func text() throws -> String {
        guard bytes.count <= 16 << 20 else { throw InputError("is too large for a text file", at: path) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw InputError("is not a UTF-8 text file", at: path) }
        return text
    }
}

/// The system's words for the last failed call.
public func systemErrorMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
