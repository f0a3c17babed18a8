import Foundation

/// A file mapped read-only into memory: pages are read when they are touched and need no copy.
public final class MappedFile: @unchecked Sendable {
    public let path: String
    public let bytes: UnsafeRawBufferPointer

    public init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw InputError("cannot open the file: \(systemErrorMessage())", at: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw InputError("cannot read the file: \(systemErrorMessage())", at: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InputError(status.st_mode & S_IFMT == S_IFDIR ? "is a folder, not a file" : "is not a regular file", at: path)
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw InputError("cannot map the file: \(systemErrorMessage())", at: path)
        }
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit {
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
}

/// The system's words for the last failed call.
public func systemErrorMessage(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
