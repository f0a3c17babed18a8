import Files
import Foundation
import GraphPasses
import GraphRuntime
import TensorFiles
import Tensors

/// Packed parameters in files of a folder, one for each program, which processes map and share.
///
/// A file is a safetensors file of bytes, one tensor for each packing, named by its key; its metadata hold the checksums. It is named after all that decides its bytes: the packings,
/// and the subject that is told here. What is damaged, another user's, or not all there counts as not kept. The folder is a cache: it can be removed at any time.
public final class PackedFiles: PackingCache {
    private let folder: String
    private let subject: [String]
    private let pool: ThreadPool
    private let leastBytes: Int
    /// Files that are being written.
    private let writing = DispatchGroup()
    private let state = Locked(State())

    /// What is smaller is packed in no time.
    public static let leastBytes = 96 << 20
    /// Files that nobody opened for so long go.
    private static let keptDays = 30.0
    /// In all files; the ones that were opened last stay.
    private static let mostBytes = 24 << 30

    private static let suffix = ".packed"
    private static let checksumsName = "deblurdiff.checksums"

    /// - `subject`: what decides the bytes beside the packings: the model, options, instruction set.
    /// - `leastBytes`: programs with less to pack are not kept.
    public init(folder: String, subject: [String], pool: ThreadPool, leastBytes: Int = PackedFiles.leastBytes) {
        self.folder = folder
        // Another build may pack otherwise.
        self.subject = subject + [InstructionSet.current.rawValue, PackedFiles.program]
        (self.pool, self.leastBytes) = (pool, leastBytes)
    }

    /// The program that runs, by when it was made.
    private static let program: String = {
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else { return UUID().uuidString }
        return "\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }()

    private func path(_ packings: [Packing]) -> String {
        let hash = SHA256()
        for part in subject + packings.flatMap({ [$0.key, "\($0.byteCount)"] }) {
            var text = "\(part.utf8.count) \(part)"
            text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
        }
        return FilePath.join(folder, hash.finish() + PackedFiles.suffix)
    }

    private func isWorthwhile(_ packings: [Packing]) -> Bool { packings.reduce(0) { $0 + $1.byteCount } >= leastBytes }

    public func seemsKept(_ packings: [Packing]) -> Bool { isWorthwhile(packings) && FileStatus(path(packings))?.kind == S_IFREG }

    public func kept(_ packings: [Packing]) -> [String: Storage]? {
        guard isWorthwhile(packings) else { return nil }
        let path = path(packings)
        guard let status = FileStatus(path), status.owner == geteuid(), status.permissions & 0o002 == 0, let file = try? SafetensorsFile(path: path),
            let text = file.metadata[PackedFiles.checksumsName], let checksums = try? JSONDecoder().decode([String].self, from: Data(text.utf8)),
            checksums.count == packings.count
        else { return nil }
        var storages: [String: Storage] = [:]
        for packing in packings {
            guard let entry = file.entry(packing.key), entry.type == TensorType(.uint8, [packing.byteCount]),
                entry.byteRange.lowerBound.isMultiple(of: Storage.alignment)
            else { return nil }
            storages[packing.key] = Storage(mapping: file.file, range: entry.byteRange)
        }
        let isSound = Locked(true)
        pool.parallelFor(packings.count) { index, _ in
            if String(storages[packings[index].key]!.checksum) != checksums[index] { isSound.withLock { $0 = false } }
        }
        guard isSound.withLock({ $0 }) else { return nil }
        utimes(FilePath.system(path), nil)
        state.withLock { $0.byteCount += packings.reduce(0) { $0 + $1.byteCount } }
        logger.debug("mapped packed weights")
        return storages
    }

    /// Written beside the work.
    public func keep(_ packings: [(packing: Packing, storage: Storage)]) {
        guard isWorthwhile(packings.map(\.packing)) else { return }
        let path = path(packings.map(\.packing))
        DispatchQueue.global().async(group: writing) { [self] in
            do {
                try write(packings, to: path)
                state.withLock { $0.byteCount += packings.reduce(0) { $0 + $1.packing.byteCount } }
            } catch {
                logger.debug("could not keep packed weights: \(error)")
                state.withLock { $0.error = error }
            }
        }
    }

    /// Waits until all is written that was to be kept.
    /// - `willWait`: called where there is something to wait for.
    /// - Throws: what failed last, where all of it should be there.
    public func finish(willWait: () -> Void = {}) throws {
        if writing.wait(timeout: .now()) == .timedOut { willWait() }
        writing.wait()
        if let error = state.withLock(\.error) { throw error }
    }

    /// Bytes that were kept or found.
    public var keptByteCount: Int { state.withLock(\.byteCount) }

    private struct State {
        var byteCount = 0
        var error: (any Error)?
    }

    private func write(_ packings: [(packing: Packing, storage: Storage)], to path: String) throws {
        try FilePath.makeFolder(folder)
        sweep(making: packings.reduce(0) { $0 + $1.packing.byteCount })
        let checksums = packings.map { String($0.storage.checksum) }
        let writer = try SafetensorsWriter(
            path: path, entries: packings.map { ($0.packing.key, TensorType(.uint8, [$0.packing.byteCount])) },
            metadata: [PackedFiles.checksumsName: encodeJSON(checksums)])
        for (_, storage) in packings { try storage.withBytes(writer.write) }
        try writer.finish()
    }

    /// Removes what is old, and the oldest where all would be too much.
    private func sweep(making byteCount: Int) {
        var files: [(path: String, time: Int, size: Int)] = []
        for name in (try? FilePath.contents(of: folder)) ?? [] where name.hasSuffix(PackedFiles.suffix) {
            var status = stat()
            let path = FilePath.join(folder, name)
            guard lstat(FilePath.system(path), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            files.append((path, Int(status.st_mtim.tv_sec), Int(status.st_size)))
        }
        let oldest = Int(Date().timeIntervalSince1970 - PackedFiles.keptDays * 86400)
        var total = byteCount
        for file in files.sorted(by: { $0.time > $1.time }) {
            total += file.size
            if total > PackedFiles.mostBytes || file.time < oldest { unlink(FilePath.system(file.path)) }
        }
    }
}

extension ModelFile {
    /// What decides how a model's weights are packed, beside what the packings themselves say.
    public func packingSubject(_ options: RuntimeOptions, _ optimization: OptimizationOptions) -> [String] {
        let pipeline = optimization.pipeline
        return [
            digest, options.precision.rawValue, options.memory.rawValue, "\(options.packsWeights)", optimization.level.name, "\(pipeline.stopAfter ?? -1)",
        ] + pipeline.disabledPasses.sorted()
    }
}
