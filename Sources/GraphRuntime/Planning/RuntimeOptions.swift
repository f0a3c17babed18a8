import CKernels

/// What products are computed in, however a model's file stores its weights. Norms, softmax, results and what passes between ops are float32 in each.
public enum Precision: String, CaseIterable, Sendable, Codable {
    case float32
    /// 16-bit integers that share scales; in attention bfloat16 where there are instructions for it.
    case int16
    /// bfloat16, where a network's layers have channels enough; the rest as in int16. Fast on processors with AMX, at about five times the error of int16.
    case bfloat16

    /// Whether the instruction set in use multiplies such numbers faster than others. bfloat16 without its instructions is computed number by number.
    public var isFast: Bool { self != .bfloat16 || dd_attention_16_bit_precision() == DD_PRECISION_BFLOAT16 }
}

/// How programs are made and run.
public struct RuntimeOptions: Sendable {
    public var pool: ThreadPool
    public var precision = Precision.float32
    /// Products run on kernels of our own with weights packed once; otherwise on OpenBLAS with weights as they are stored.
    public var packsWeights = true
    public var memory = MemoryUse.standard
    /// What a program may take with its weights, inputs and outputs, in bytes; nil for as much as its operations need each only once. A smaller limit gives the same bits.
    public var memoryLimit: Int?
    /// The same of its arena alone.
    public var arenaLimit: Int?

    /// Whether strips may be made to save memory.
    var isLimited: Bool { memoryLimit != nil || arenaLimit != nil }
    /// Chooses among kernels that compute the same.
    public var chooser = KernelChooser()

    /// Memory of values that are done is used again. Off, every value keeps its own, to tell a wrong plan from a wrong kernel.
    public var reusesMemory = true

    /// All that can run strip by strip does, whatever memory there is, to tell a wrong strip from a wrong kernel.
    public var stripsEverything = false

    /// - Parameter pool: the threads to compute with; without, one a processor.
    public init(pool: ThreadPool = ThreadPool()) { self.pool = pool }
}
