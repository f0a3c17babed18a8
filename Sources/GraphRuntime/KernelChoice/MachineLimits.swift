import CKernels

/// What a machine's processors reach in registers alone, to measure kernels against.
public struct MachineLimits: Codable, Hashable, Sendable {
    public var instructionSet: String
    public var threads: Int
    /// GFLOP/s of fused multiply-adds, a multiplication and an addition counted as two.
    public var float32: Double
    /// The same for products of 16-bit integers; 0 where no instruction is faster than those for float32.
    public var int16: Double
    public var bfloat16: Double

    /// Measures for some tens of milliseconds.
    public static func measure(_ pool: ThreadPool) -> MachineLimits {
        MachineLimits(
            instructionSet: InstructionSet.current.rawValue, threads: pool.threadCount,
            float32: dd_measure_limit_gflops(pool.handle, DD_PRECISION_FLOAT32), int16: dd_measure_limit_gflops(pool.handle, DD_PRECISION_INT16),
            bfloat16: dd_measure_limit_gflops(pool.handle, DD_PRECISION_BFLOAT16))
    }

    public func limit(_ precision: Precision) -> Double {
        let own =
            switch precision {
            case .float32: float32
            case .int16: int16
            case .bfloat16: bfloat16
            }
        return own > 0 ? own : float32
    }

    /// About how long so many operations take where kernels reach these limits. Fast convolutions take fewer operations than are counted, other kernels stay below the limit;
    /// together they come near it.
    public func seconds(_ operations: Double, _ precision: Precision) -> Double {
        // Products on tile registers are so fast that all else, and memory, is most of the time.
        operations / (1e9 * max(min(limit(precision), 4 * float32), 0.1))
    }
}

/// An instruction set that kernels are written for: "avx2", "avx512-vnni".
public struct InstructionSet: Hashable, Sendable, CaseIterable, RawRepresentable {
    private let isa: Int32

    private init(_ isa: Int32) { self.isa = isa }

    public init?(rawValue: String) {
        guard let set = InstructionSet.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = set
    }

    public var rawValue: String { String(cString: dd_isa_name(isa)) }

    /// By preference, portable C first.
    public static var allCases: [InstructionSet] { (0..<dd_isa_count()).map(InstructionSet.init) }

    /// Portable C.
    public static let scalar = InstructionSet(0)

    public var isSupported: Bool { dd_isa_is_supported(isa) != 0 }

    /// The one in use.
    public static var current: InstructionSet { InstructionSet(dd_isa_current()) }

    /// Lets kernels use this one, in the whole process; false where the machine does not have it.
    public func force() -> Bool { isSupported && dd_isa_force(isa) == isa }
}
