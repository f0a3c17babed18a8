import DeblurDiff
import Files
import Foundation
import Images
import TensorFiles
import Tensors

/// Where interrupted restorations are kept: a folder with a small file for each, named after all that decides the result.
///
/// A file is a safetensors file: `z` f32 [1, C, H, W], `random` the words of the generator, `sampler.N` what the sampler remembers, `history.N` what a schedule
/// of steps goes on from, and as metadata the step and the key.
/// What cannot be read, or is something else, counts as not there. A folder that cannot be written is no reason to fail: the work is then done without.
public struct UnfinishedStore: Sendable {
    public let folder: String
    /// Older files are swept.
    public static let keptDays = 30

    public init(folder: String) { self.folder = folder }

    /// `$XDG_CACHE_HOME/deblurdiff/unfinished`, or below `~/.cache`; nil where there is no home.
    public static var standard: UnfinishedStore? { FilePath.inCache("unfinished").map { UnfinishedStore(folder: $0) } }

    /// What decides a result, as a name: the SHA-256 of its parts.
    public static func key(_ parts: [String]) -> String { SHA256.hexDigest(of: parts) }

    private static let suffix = ".unfinished"
    private static let keyName = "deblurdiff.key"
    private static let stepName = "deblurdiff.step"

    private func path(_ key: String) -> String { FilePath.join(folder, key + UnfinishedStore.suffix) }

    /// - Returns: whether it could be kept.
    @discardableResult public func save(_ checkpoint: SamplerCheckpoint, as key: String) -> Bool {
        do {
            try FilePath.makeFolder(folder)
            // A latent shows what the photograph shows.
            chmod(FilePath.system(folder), 0o700)
            var tensors = [
                ("z", checkpoint.z), ("random", Tensor(checkpoint.random.words.map(Int32.init(bitPattern:)), shape: [checkpoint.random.words.count])),
            ]
            for (name, state) in [("sampler", checkpoint.samplerState), ("history", checkpoint.history)] {
                for (index, tensor) in state.enumerated() { tensors.append(("\(name).\(index)", tensor)) }
            }
            try writeSafetensors(
                path: path(key), tensors: tensors, metadata: [UnfinishedStore.keyName: key, UnfinishedStore.stepName: "\(checkpoint.step)"])
            return true
        } catch {
            return false
        }
    }

    /// What was kept under a key.
    ///
    /// - Parameter latent: the type that it must have.
    public func load(_ key: String, latent: TensorType) -> SamplerCheckpoint? {
        guard let file = try? SafetensorsFile(path: path(key)), file.metadata[UnfinishedStore.keyName] == key,
            let step = file.metadata[UnfinishedStore.stepName].flatMap({ Int($0) }), (1...NoiseSchedule.trainingSteps).contains(step),
            file.entry("z")?.type == latent, let z = try? file.tensor("z").copy(), z.floatArray.allSatisfy(\.isFinite),
            let words = file.entry("random"), words.type.elementType == .int32, words.type.shape.rank == 1, words.type.shape[0] < 4096,
            let stored = try? file.tensor("random"),
            let random = TorchGenerator(words: stored.withElements(Array<UInt32>.init))
        else { return nil }
        func state(_ name: String) -> [Tensor] {
            var state: [Tensor] = []
            while file.entry("\(name).\(state.count)")?.type == latent, let tensor = try? file.tensor("\(name).\(state.count)").copy() { state.append(tensor) }
            return state
        }
        let (sampler, history) = (state("sampler"), state("history"))
        guard file.tensorNames.count == 2 + sampler.count + history.count else { return nil }
        return SamplerCheckpoint(step: step, z: z, random: random, samplerState: sampler, history: history)
    }

    public func remove(_ key: String) { unlink(FilePath.system(path(key))) }

    // MARK: Results that do not say themselves how they were made

    private static let resultSuffix = ".result"

    private func resultPath(_ result: String) -> String? {
        FilePath.resolved(result).map { FilePath.join(folder, UnfinishedStore.key([$0]) + UnfinishedStore.resultSuffix) }
    }

    /// Keeps how a result was made that lies there now.
    public func remember(result: String, key: String) {
        guard let path = resultPath(result), let digest = try? MappedFile(path: result).sha256() else { return }
        do {
            try FilePath.makeFolder(folder)
            let writer = try AtomicFileWriter(path: path)
            try writer.write(Array("\(key) \(digest)".utf8))
            try writer.commit()
        } catch {
            // It will be made again, and that is all.
        }
    }

    /// Whether a result was made so, and is as it was.
    public func remembers(result: String, key: String) -> Bool {
        guard let path = resultPath(result), let words = try? MappedFile(path: path).text(), let digest = try? MappedFile(path: result).sha256() else {
            return false
        }
        return words == "\(key) \(digest)"
    }

    /// Removes what nobody came back for.
    public func sweep(now: Date = Date()) {
        let suffixes = [UnfinishedStore.suffix, UnfinishedStore.resultSuffix]
        for name in (try? FilePath.contents(of: folder)) ?? [] where suffixes.contains(where: name.hasSuffix) {
            var status = stat()
            let path = FilePath.join(folder, name)
            guard lstat(FilePath.system(path), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let age = now.timeIntervalSince1970 - Double(status.st_mtim.tv_sec)
            if age > Double(UnfinishedStore.keptDays) * 86400 { unlink(FilePath.system(path)) }
        }
    }
}

extension RestorationRecord {
    /// What an interrupted restoration is kept under.
    public var key: String { UnfinishedStore.key([program, modelDigest, inputDigest, "\(seed)", options]) }
}
