import GraphIR
import Tensors

/// Where a kernel finds its operands and puts its results.
public struct KernelArguments {
    public let operands: [UnsafeMutableRawPointer]
    public let results: [UnsafeMutableRawPointer]
    public let scratch: UnsafeMutableRawPointer
    public let pool: ThreadPool

    func input(_ index: Int) -> UnsafePointer<Float> { UnsafePointer(operands[index].assumingMemoryBound(to: Float.self)) }
    func input(_ index: Int?) -> UnsafePointer<Float>? { index.map { input($0) } }
    func output(_ index: Int = 0) -> UnsafeMutablePointer<Float> { results[index].assumingMemoryBound(to: Float.self) }
}

/// A node made ready to run: which kernel, how much scratch memory, and the call itself.
public struct Kernel {
    /// The variant that runs, for the profiler: "conv winograd_f4 float32".
    public var name: String
    /// Why it was chosen, where there was a choice.
    public var choice: String?
    public var scratchByteCount = 0
    /// Operands whose memory the first result may take over, best first.
    public var inPlaceOperands: [Int] = []
    /// Parameters that the kernel holds in an arrangement of its own, so that the plain ones need not be read.
    public var preparedOperands: Set<Int> = []
    public var run: (KernelArguments) -> Void

    public init(
        _ name: String, choice: String? = nil, scratchByteCount: Int = 0, inPlaceOperands: [Int] = [], preparedOperands: Set<Int> = [],
        run: @escaping (KernelArguments) -> Void
    ) {
        self.name = name
        self.choice = choice
        self.scratchByteCount = scratchByteCount
        self.inPlaceOperands = inPlaceOperands
        self.preparedOperands = preparedOperands
        self.run = run
    }
}

/// What an op needs to know to choose its kernel.
public struct LoweringContext {
    public internal(set) var operands: [TensorType]
    public internal(set) var results: [TensorType]
    /// The checkpoint key of each operand that is a parameter.
    public let parameterKeys: [String?]
    public let parameters: ParameterStore
    public let options: RuntimeOptions
    /// Operands that memory holds as bfloat16, of those that a ``NarrowStorageOp`` reads so.
    var narrowOperands: Set<Int> = []
    /// Whether the first result is stored as bfloat16.
    var narrowResult = false

    var threadCount: Int { options.pool.threadCount }
}

/// What products are made of. Norms, softmax, results and what passes between ops are float32 in each.
public enum Precision: String, CaseIterable, Sendable, Codable {
    case float32
    /// 16 bits: integers that share scales in convolutions and linear layers, and in attention where there are no instructions for bfloat16.
    case bfloat16
}

/// How programs are made and run.
public struct RuntimeOptions: Sendable {
    public var pool: ThreadPool
    public var precision = Precision.float32
    /// Products run on kernels of our own with weights packed once; otherwise on OpenBLAS with weights as they are stored.
    public var packsWeights = true
    public var memory = MemoryUse.standard
    /// Chooses among kernels that compute the same.
    public var chooser = KernelChooser()

    /// Memory of values that are done is used again. Off, every value keeps its own, to tell a wrong plan from a wrong kernel.
    public var reusesMemory = true

    /// Off, weights are not arranged for the kernels: programs can be planned and looked at at once, but not run.
    public var arrangesWeights = true

    public init(pool: ThreadPool) { self.pool = pool }
}

/// An op that a kernel computes.
public protocol LowerableOp: Op {
    /// Whether the kernel takes the element types that inference lets through; otherwise all values must be f32.
    var takesEveryElementType: Bool { get }

    /// Chooses the kernel. Not called where there is nothing to compute, because the results have no elements.
    func lower(_ context: LoweringContext) throws -> Kernel
}

extension LowerableOp {
    public var takesEveryElementType: Bool { false }
}

/// An op whose kernel reads numbers that it rounds to bfloat16, or can write such: stored rounded, they take half the memory.
protocol NarrowStorageOp: LowerableOp {
    /// Which operands the kernel rounds before anything else, and whether it can store its first result rounded.
    func narrowStorage(_ context: LoweringContext) -> (operands: Set<Int>, result: Bool)
}

/// An op without operands whose result is known before anything runs.
public protocol LiteralOp: Op {
    func tensor() -> Tensor
}

/// Part of an operand's memory that a result is.
public struct ViewOfOperand: Hashable, Sendable {
    public var operand: Int
    public var byteOffset: Int

    public init(operand: Int = 0, byteOffset: Int = 0) {
        self.operand = operand
        self.byteOffset = byteOffset
    }
}

/// An op whose results can be views of an operand, so that nothing runs.
public protocol ViewingOp: Op {
    /// The views that the results are, or nil where a kernel must move numbers.
    func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]?
}
