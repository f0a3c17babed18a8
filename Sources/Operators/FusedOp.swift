import Files
import GraphIR
import Tensors

/// A step of what an op does to its input while it reads it.
public enum PrologueStep: String, Codable, Sendable, CaseIterable {
    /// Reads another image [N, C', H, W] behind the one before, along the channels.
    case concat
    /// Adds a tensor of its type to the image that was read last.
    case add
    /// Mean and variance [N, C, 2] of each channel of the image that was read last, which is then not read itself.
    case moments
    /// Norm over the last dimension, with a scale and a bias [C].
    case layerNorm = "layer_norm"
    /// `x scale + shift` with a scale and a shift [N, C] for each channel: what is left of a group norm.
    case scaleShift = "scale_shift"
    /// `x / (1 + exp(-x))`
    case silu

    var operandCount: Int {
        switch self {
        case .silu: 0
        case .concat, .add, .moments: 1
        case .layerNorm, .scaleShift: 2
        }
    }
}

/// A step of what an op does to its result before it is written.
public enum EpilogueStep: String, Codable, Sendable, CaseIterable {
    /// Adds a vector [O]; where there are several weights, one for each.
    case addBias = "add_bias"
    /// Adds a vector [N, O], or [1, O], to all pixels of an image.
    case addPerChannel = "add_per_channel"
    /// `y / (1 + exp(-y))`
    case silu
    /// `y (1 + erf(y / sqrt 2)) / 2`
    case gelu
    /// The first half of the columns times GELU of the second half.
    case geglu
    /// Adds a tensor of the result's shape.
    case addResidual = "add_residual"
    /// Makes a second result [N, O, 2]: the mean and the variance (of all, not estimated from a sample) of each channel.
    case takeMoments = "take_moments"

    public static let activations: Set<EpilogueStep> = [.silu, .gelu, .geglu]

    func operandCount(weights: Int) -> Int {
        switch self {
        case .silu, .gelu, .geglu, .takeMoments: 0
        case .addBias: weights
        case .addPerChannel, .addResidual: 1
        }
    }

    /// The order in which kernels take steps; sums come in any.
    private var rank: Int {
        switch self {
        case .addBias, .addPerChannel: 0
        case .silu, .gelu, .geglu: 1
        case .addResidual: 2
        case .takeMoments: 3
        }
    }

    /// Whether kernels can do it behind these.
    public func canFollow(_ steps: [EpilogueStep]) -> Bool {
        steps.allSatisfy { $0 != self && ($0.rank < rank || ($0.rank == 0 && rank == 0)) }
    }
}

/// An op with weights that does other work while it reads its input and before it writes its result.
///
/// The operands stand in the order in which they are used: the input, those of the prologue, the weights, those of the epilogue.
public protocol FusedOp: Op {
    /// Nil for nothing.
    var prologue: [PrologueStep]? { get set }
    /// Nil for a bias if there is one, and nothing else.
    var epilogue: [EpilogueStep]? { get set }
    var weightCount: Int { get }
}

/// The operands of such an op (values, their types, their places), each with the step that uses it.
public struct FusedOperands<Value> {
    public var input: Value
    public var prologue: [(step: PrologueStep, operands: [Value])]
    public var weights: [Value]
    public var epilogue: [(step: EpilogueStep, operands: [Value])]

    /// All of them, in their order.
    public var all: [Value] { [input] + prologue.flatMap(\.operands) + weights + epilogue.flatMap(\.operands) }

    /// The operands of a step; nil where it is not taken.
    public subscript(step: PrologueStep) -> [Value]? { prologue.first { $0.step == step }?.operands }
    public subscript(step: EpilogueStep) -> [Value]? { epilogue.first { $0.step == step }?.operands }

    public var activation: EpilogueStep? { epilogue.map(\.step).first(where: EpilogueStep.activations.contains) }

    /// The images that are read side by side, with what is added to them or known of them.
    public var images: [(image: Value, addend: Value?, moments: Value?)] {
        prologue.reduce(into: [(input, nil, nil)]) { images, read in
            switch read.step {
            case .concat: images.append((read.operands[0], nil, nil))
            case .add: images[images.count - 1].addend = read.operands[0]
            case .moments: images[images.count - 1].moments = read.operands[0]
            default: break
            }
        }
    }
}

extension FusedOp {
    /// Nil where there are more or fewer operands than the steps use.
    public func fusedOperands<Value>(_ operands: [Value]) -> FusedOperands<Value>? {
        let prologue = prologue ?? []
        let required = 1 + prologue.reduce(0) { $0 + $1.operandCount } + weightCount
        let epilogue = epilogue ?? (operands.count > required ? [.addBias] : [])
        guard operands.count == required + epilogue.reduce(0, { $0 + $1.operandCount(weights: weightCount) }) else { return nil }
        var rest = operands[...]
        func take(_ count: Int) -> [Value] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        let input = take(1)[0]
        let reads = prologue.map { (step: $0, operands: take($0.operandCount)) }
        let weights = take(weightCount)
        return FusedOperands(
            input: input, prologue: reads, weights: weights,
            epilogue: epilogue.map { (step: $0, operands: take($0.operandCount(weights: weights.count))) })
    }

    /// The types of the operands by step.
    ///
    /// - Throws: where steps stand in an order that no kernel takes, or their number is not that of the operands.
    func fusedTypes(_ types: [TensorType], reading reads: Set<PrologueStep>, writing writes: Set<EpilogueStep>) throws -> FusedOperands<TensorType> {
        guard let operands = fusedOperands(types) else {
            throw InputError("the steps \(names(prologue ?? [])) and \(names(epilogue ?? [])) do not go with \(types.count) operands")
        }
        var images: [Set<PrologueStep>] = [[]]
        var others: [PrologueStep] = []
        for (step, _) in operands.prologue {
            switch step {
            case .concat: images.append([])
            case .add, .moments:
                guard images[images.count - 1].isEmpty else { throw InputError("an image takes one addend, or moments") }
                images[images.count - 1].insert(step)
            default: others.append(step)
            }
            guard reads.contains(step), others.isEmpty || others.last == step else { throw InputError("the prologue \(names(prologue ?? [])) has no kernel") }
        }
        guard images.count <= 2, [[], [.layerNorm], [.scaleShift], [.silu], [.scaleShift, .silu]].contains(others) else {
            throw InputError("the prologue \(names(prologue ?? [])) has no kernel")
        }
        var before: [EpilogueStep] = []
        for (step, _) in operands.epilogue {
            guard writes.contains(step), step.canFollow(before) else { throw InputError("the epilogue \(names(epilogue ?? [])) has no kernel") }
            before.append(step)
        }
        return operands
    }

    private func names<Step: RawRepresentable<String>>(_ steps: [Step]) -> String { "[" + steps.map(\.rawValue).joined(separator: ", ") + "]" }
}

extension FusedOperands<TensorType> {
    /// Checks the images, which lie side by side, and what is read with them.
    ///
    /// - Returns: how many channels they have together.
    func requireImages() throws -> Int {
        try Inference.requireRank(input, 4, "input")
        try Inference.requireFloat(input, "input")
        var channels = 0
        for (image, addend, moments) in images {
            let size = image.shape.rank == 4 ? image.shape[1] : 0
            try Inference.requireShape(image, [input.shape[0], size, input.shape[2], input.shape[3]], "image behind the input")
            if let addend { try Inference.requireShape(addend, image.shape, "addend") }
            if let moments { try Inference.requireShape(moments, [image.shape[0], size, 2], "moments") }
            channels += size
        }
        return channels
    }
}
