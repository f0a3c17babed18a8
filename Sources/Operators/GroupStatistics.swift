import Files
import GraphIR
import Tensors

/// What a group norm does to each channel, as a factor and an addend: `scale' = scale / sqrt(variance + epsilon)` and
/// `shift' = bias - mean scale'`, each [N, C]. The reader of the image applies them while it loads.
///
/// Operands: an image [N, C, H, W], those of the `prologue`, and the norm's scale and bias [C]. In the prologue `concat` reads another image behind
/// it, `add` adds to the image before, and `moments` [N, C, 2] say what there is to know of it, so that its numbers are not read.
public struct GroupStatistics: FusedOp {
    public static let name = "group_statistics"
    public static let family = OpFamily.normalization

    public var groups: Int
    public var epsilon: Float
    public var prologue: [PrologueStep]?

    public init(groups: Int, epsilon: Float) {
        self.groups = groups
        self.epsilon = epsilon
    }

    /// The norm's scale and bias.
    public var weightCount: Int { 2 }
    public var epilogue: [EpilogueStep]? {
        get { [] }
        set { precondition(newValue?.isEmpty != false, "statistics have no epilogue") }
    }

    public func readsData(ofOperand index: Int) -> Bool {
        // An image whose moments are known: these stand right behind it.
        let steps = [nil] + (prologue ?? [])
        return !(index + 1 < steps.count && steps[index + 1] == .moments)
    }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        let operands = try fusedTypes(types, reading: [.concat, .add, .moments], writing: [])
        let channels = try operands.requireImages()
        guard groups > 0, channels % groups == 0 else { throw InputError("\(channels) channels do not make \(groups) groups") }
        for weight in operands.weights { try Inference.requireShape(weight, [channels], "scale or bias") }
        let result = TensorType(operands.input.elementType, [operands.input.shape[0], channels])
        return [result, result]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        4 * fusedOperands(operands)!.images.reduce(0) { $0 + ($1.moments == nil ? $1.image.elementCount : 0) }
    }
}
