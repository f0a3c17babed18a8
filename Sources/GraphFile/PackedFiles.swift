import Files
import Foundation
import GraphPasses
import GraphRuntime
import TensorFiles
import Tensors

/// Packed parameters in files of a folder, which processes map and share.
///
/// A file is a safetensors file of bytes: a tensor for each packing, named by its key; its metadata hold the checksums. It is named after what decides all its bytes, the subject that
/// is told here, and after the packings. Of a program that needs others as well, say for another size of photograph, those are in a file of their own. What is damaged, another user's,
/// or not all there counts as not kept. The folder is a cache: it can be removed at any time.
public final class PackedFiles: PackingCache {
    private struct Kept {
        let file: SafetensorsFile
        let entry: SafetensorsFile.Entry
        let checksum: String
    }

    private struct State {
        /// By the packings' keys.
        var kept: [String: Kept] = [:]
        /// Names of files that were looked at.
        var seen: Set<String> = []
        var byteCount = 0
        var error: (any Error)?
    }

    private let folder: String
    /// What the names of the files begin with.
    private let prefix: String
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
    /// - `leastBytes`: less than that is not worth a file.
    public init(folder: String, subject: [String], pool: ThreadPool, leastBytes: Int = PackedFiles.leastBytes) {
        self.folder = folder
        // Another build may pack otherwise.
        prefix = PackedFiles.name(subject + [InstructionSet.current.rawValue, PackedFiles.program])
        (self.pool, self.leastBytes) = (pool, leastBytes)
    }

    /// The program that runs, by when it was made.
    private static let program: String = {
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else { return UUID().uuidString }
        return "\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }()

    private static func name(_ parts: [String]) -> String { String(SHA256.hexDigest(of: parts).prefix(32)) }

    public func keptByteCount(of packings: [Packing]) -> Int {
        state.withLock { state in
            look(&state)
            return packings.reduce(0) { $0 + (state.kept[$1.key]?.entry.byteRange.count == $1.byteCount ? $1.byteCount : 0) }
        }
    }

    public func kept(_ packings: [Packing]) -> [String: Storage] {
        var found: [(packing: Packing, kept: Kept)] = state.withLock { state in
            look(&state)
            return packings.compactMap { packing in
                guard let kept = state.kept[packing.key], kept.entry.type == TensorType(.uint8, [packing.byteCount]) else { return nil }
                return (packing, kept)
            }
        }
        let sound = Locked(Set<String>())
        pool.parallelFor(found.count) { index, _ in
            let (packing, kept) = found[index]
            let storage = Storage(mapping: kept.file.file, range: kept.entry.byteRange)
            if String(storage.checksum) == kept.checksum { sound.withLock { _ = $0.insert(packing.key) } }
        }
        found.removeAll { item in !sound.withLock { $0.contains(item.packing.key) } }
        for path in Set(found.map(\.kept.file.file.path)) { utimes(FilePath.system(path), nil) }
        let byteCount = found.reduce(0) { $0 + $1.packing.byteCount }
        if byteCount > 0 { logger.debug("found packed weights: \(Units.bytes(byteCount))") }
        state.withLock { $0.byteCount += byteCount }
        return Dictionary(found.map { ($0.packing.key, Storage(mapping: $0.kept.file.file, range: $0.kept.entry.byteRange)) }) { first, _ in first }
    }

    /// Opens the files that are new.
    private func look(_ state: inout State) {
        for name in (try? FilePath.contents(of: folder)) ?? [] where name.hasPrefix(prefix) && name.hasSuffix(PackedFiles.suffix) {
            let path = FilePath.join(folder, name)
            guard state.seen.insert(name).inserted, let status = FileStatus(path), status.owner == geteuid(), status.permissions & 0o002 == 0,
                let file = try? SafetensorsFile(path: path), let text = file.metadata[PackedFiles.checksumsName],
                let checksums = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
            else { continue }
            for (key, checksum) in checksums {
                guard let entry = file.entry(key), entry.byteRange.lowerBound.isMultiple(of: Storage.alignment) else { continue }
                state.kept[key] = Kept(file: file, entry: entry, checksum: checksum)
            }
        }
    }

    /// Written beside the work.
    public func keep(_ packings: [(packing: Packing, storage: Storage)]) {
        guard packings.reduce(0, { $0 + $1.packing.byteCount }) >= leastBytes else { return }
        let path = FilePath.join(folder, prefix + "-" + PackedFiles.name(packings.map(\.packing.key)) + PackedFiles.suffix)
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
    ///
    /// - `willWait`: called where there is something to wait for.
    /// - Throws: what failed last, where all of it should be there.
    public func finish(willWait: () -> Void = {}) throws {
        if writing.wait(timeout: .now()) == .timedOut { willWait() }
        writing.wait()
        if let error = state.withLock(\.error) { throw error }
    }

    /// Bytes that were kept or found.
    public var keptByteCount: Int { state.withLock(\.byteCount) }

    private func write(_ packings: [(packing: Packing, storage: Storage)], to path: String) throws {
        try FilePath.makeFolder(folder)
        sweep(making: packings.reduce(0) { $0 + $1.packing.byteCount })
        let checksums = Dictionary(packings.map { ($0.packing.key, String($0.storage.checksum)) }) { first, _ in first }
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
        ] + pipeline.disabledPasses.sorted() + optimization.without.sorted().map { "without \($0)" }
    }
}
