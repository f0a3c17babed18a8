/// What products are computed in, however a model's file stores its weights. Norms, softmax, results and what passes between ops are float32 in each.
public enum Precision: String, CaseIterable, Sendable, Codable {
    case float32
    /// 16-bit integers that share scales; in attention bfloat16 where there are instructions for it.
    case int16
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

    /// - Parameter pool: the threads to compute with; without, one a processor.
    public init(pool: ThreadPool = ThreadPool()) { self.pool = pool }
}
