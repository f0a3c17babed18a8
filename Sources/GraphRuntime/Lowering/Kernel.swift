import CKernels
import Files
import GraphIR
import Tensors

/// Where a kernel finds its operands and puts its results. For the time of the call alone.
public struct KernelArguments {
    public let operands: [UnsafeMutableRawPointer]
    public let results: [UnsafeMutableRawPointer]
    /// ``Kernel/packings``, in their order.
    public let packed: [UnsafeRawPointer]
    public let scratch: UnsafeMutableRawPointer
    public let pool: ThreadPool
    /// Asked after each strip of what runs in strips, and told the share that is done.
    var goesOn: ((Double) -> Bool)?

    /// The numbers of an f32 operand, in the order that its type's layout says.
    public func input(_ index: Int) -> UnsafePointer<Float> { UnsafePointer(operands[index].assumingMemoryBound(to: Float.self)) }
    func input(_ index: Int?) -> UnsafePointer<Float>? { index.map { input($0) } }
    /// Where the numbers of an f32 result go.
    public func output(_ index: Int = 0) -> UnsafeMutablePointer<Float> { results[index].assumingMemoryBound(to: Float.self) }
}

/// A node made ready to run: which kernel, what it needs of memory and of packed parameters, and the call itself.
public struct Kernel: Sendable {
    /// The variant that runs, for the profiler: "conv winograd_f4 float32".
    public var name: String
    /// Why it was chosen, where there was a choice.
    public var choice: String?
    public var scratchByteCount = 0
    /// Operands whose memory the first result may take over, best first.
    public var inPlaceOperands: [Int] = []
    /// What it reads of the model in a form of its own.
    public var packings: [Packing] = []
    /// Parameters that it reads packed only.
    public var packedOperands: Set<Int> = []
    public var run: @Sendable (KernelArguments) -> Void
    /// Where it can compute some rows of its first result at a time.
    public var strips: StripKernel?

    public init(
        _ name: String, choice: String? = nil, scratchByteCount: Int = 0, inPlaceOperands: [Int] = [], packings: [Packing] = [],
        packedOperands: Set<Int> = [], run: @escaping @Sendable (KernelArguments) -> Void
    ) {
        self.name = name
        self.choice = choice
        self.scratchByteCount = scratchByteCount
        self.inPlaceOperands = inPlaceOperands
        self.packings = packings
        self.packedOperands = packedOperands
        self.run = run
    }
}

/// What an op needs to know to choose its kernel.
public struct LoweringContext {
    public internal(set) var operands: [TensorType]
    public internal(set) var results: [TensorType]
    /// The key of each operand that is a parameter. Its numbers are only read when the program is packed.
    public let parameterKeys: [String?]
    public let options: RuntimeOptions
    /// Operands that memory holds as bfloat16, of those that a ``NarrowStorageOp`` reads so.
    var narrowOperands: Set<Int> = []
    /// Whether the first result is stored as bfloat16.
    var narrowResult = false

    /// As many workers as ``ThreadPool/parallelFor(_:_:)`` names.
    public var threadCount: Int { options.pool.threadCount }

    /// The key of an operand that must be a parameter for it to be packed.
    public func requiredKey(_ index: Int, _ role: String) throws -> String {
        guard let key = parameterKeys[index] else { throw InputError("the \(role) must be a parameter of the model") }
        return key
    }

    /// What memory holds of an f32 operand.
    func elementType(ofOperand index: Int) -> dd_element { narrowOperands.contains(index) ? DD_BF16 : DD_F32 }
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

/// An op whose results can be views of an operand, so that nothing runs. A `ReshapingOp` always is one, and need not say so.
public protocol ViewingOp: Op {
    /// The views that the results are, or nil where a kernel must move numbers.
    func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]?
}

extension Graph {
    /// The views of operands that a node's results are; nil where a kernel makes them.
    public func views(_ node: Node) -> [ViewOfOperand]? {
        if node.op is any ReshapingOp { return [ViewOfOperand()] }
        return (node.op as? any ViewingOp)?.views(operands: operandTypes(node), results: resultTypes(node))
    }
}
