import Files
import Foundation
import Synchronization
import Tensors

/// Computes the SHA-256 of files on a thread of its own, in bounded memory.
final class SourceHashing: Sendable {
    /// The sources with zeros for their digests.
    let unhashedSources: [Provenance.Source]
    private let files: [MappedFile]
    private let result = Locked<[Provenance.Source]>([])
    private let finished = DispatchGroup()
    private let isCancelled = Atomic<Bool>(false)

    init(paths: [String]) throws {
        let files = try paths.map { try MappedFile(path: $0) }
        self.files = files
        unhashedSources = files.map {
            Provenance.Source(
                name: FilePath.name(of: $0.path), size: $0.byteCount, sha256: String(repeating: "0", count: 64))
        }
        finished.enter()
        Thread.detachNewThread { [self] in
            let sources = zip(unhashedSources, files).map { source, file in
                var source = source
                source.sha256 = file.sha256 { !isCancelled.load(ordering: .relaxed) }
                return source
            }
            result.withLock { $0 = sources }
            finished.leave()
        }
    }

    /// Waits for the digests.
    func finish() -> [Provenance.Source] {
        finished.wait()
        return result.withLock { $0 }
    }

    /// Stops early; nobody will ask for the digests.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }
}
