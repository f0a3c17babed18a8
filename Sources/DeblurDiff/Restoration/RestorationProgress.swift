/// Where a restoration stands.
public struct RestorationProgress: Hashable, Sendable {
    /// The parts of a restoration, in their order.
    public enum Phase: String, CaseIterable, Hashable, Sendable {
        case encodingText, encodingImage
        /// Reads and packs the weights of the step's networks, and computes what all steps share.
        case preparing
        case sampling, decoding
    }

    /// What is being done.
    public var phase: Phase
    /// Steps of the sampler that have ended.
    public var step: Int
    public var stepCount: Int
    /// The share of the planned work that is done, 0 to 1. It never falls, and a restoration ends with 1.
    public var share: Double
    /// Since the restoration began.
    public var seconds: Double
    /// What the rest will take, by the time that work of the same kind took; nil while nothing is known.
    public var secondsLeft: Double?
}

/// What a restoration will compute. The unit is a floating-point operation.
public struct RestorationWork: Hashable, Sendable {
    /// One phase: a network that runs some times.
    public struct Part: Hashable, Sendable {
        /// Of one run: a prompt, a tile of an image, a prediction of noise.
        public var operationsPerRun = 0.0
        public var runs = 0
        /// Bytes of weights that are read and packed before the first run, in float32.
        public var weightBytes = 0

        /// What reading and packing weights counts as.
        var packing: Double { Double(weightBytes) * RestorationWork.operationsPerWeightByte }
        /// All of the phase, in operations.
        public var operations: Double { packing + operationsPerRun * Double(runs) }
    }

    /// How many operations take as long as reading and packing a byte of weights.
    static let operationsPerWeightByte = 256.0

    /// Nothing for a phase that has nothing to do.
    public var parts: [RestorationProgress.Phase: Part] = [:]

    /// Of all phases.
    public var operations: Double { RestorationProgress.Phase.allCases.reduce(0) { $0 + (parts[$1]?.operations ?? 0) } }
}
