import Files

/// Where a run's random numbers come from: what "the same seed" means.
public struct RandomNumbers: Hashable, Sendable {
    public enum Source: String, CaseIterable, Sendable {
        /// PyTorch's CPU generator, seeded just before the image.
        case library
        /// The released program's on a CPU: it seeds, and then builds the model, whose initialisation draws numbers.
        case program
        /// The released program's on a GPU: the noise of the start and of the steps is the device's, that of the autoencoder the CPU's as with ``program``.
        case cuda

        /// Where an image's numbers begin, if nothing else is said: the released program seeds once.
        public var seedMode: SeedMode { self == .library ? .each : .once }
    }

    public var source = Source.library
    /// How many outputs of the CPU generator are drawn between the seed and the first image; nil for as many as building the model draws in the released program, which is known for
    /// the released sizes.
    public var drawn: UInt64?
    /// How many threads the GPU runs at once, where there are more numbers than that; see ``devices``.
    public var deviceThreads: Int?

    public init(_ source: Source = .library) { self.source = source }

    /// Threads that cards run at once: multiprocessors times the blocks of 256 threads that one holds.
    public static let devices = [("A100", 221_184), ("H100", 270_336), ("RTX-3090", 125_952), ("RTX-4090", 196_608)]

    /// So many numbers or fewer are the same on all ``devices``.
    static let commonThreads = devices.map(\.1).min()!

    /// PyTorch 2.13's count for the released sizes.
    static let releasedDraws: UInt64 = 2_795_461_135

    func generator(seed: UInt64, for configuration: ModelConfiguration) throws -> TorchGenerator {
        var generator = TorchGenerator(seed: seed)
        if source != .library || drawn != nil {
            guard let count = drawn ?? (configuration == .released ? RandomNumbers.releasedDraws : nil) else {
                throw InputError(
                    "how many numbers the released program draws to build a model of other than the released sizes is not known", at: "`drawn`",
                    advice: "Name their count.")
            }
            generator.skip(count)
        }
        if source == .cuda { generator.device = CUDAGenerator(seed: seed, threads: deviceThreads ?? RandomNumbers.commonThreads) }
        return generator
    }

    /// - `latent`: the numbers of an image's latent.
    func check(latent count: Int) throws {
        guard source == .cuda, deviceThreads == nil, count > RandomNumbers.commonThreads else { return }
        throw InputError("which number goes where depends on the card for a photograph of this size", at: "`deviceThreads`", advice: "Name the card.")
    }
}
