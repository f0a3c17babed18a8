import CKernels

/// What a machine's processors reach in registers alone, to measure kernels against.
public struct MachineLimits: Codable, Hashable, Sendable {
    public var instructionSet: String
    public var threads: Int
    /// GFLOP/s of fused multiply-adds, a multiplication and an addition counted as two.
    public var float32: Double
    /// GFLOP/s of bfloat16 dot products; 0 where there are none.
    public var bfloat16: Double

    /// Measures for some tens of milliseconds.
    public static func measure(_ pool: ThreadPool) -> MachineLimits {
        MachineLimits(
            instructionSet: String(cString: dd_isa_name(dd_isa_current())), threads: pool.threadCount,
            float32: dd_measure_limit_gflops(pool.handle, DD_LIMIT_FLOAT32_FMA),
            bfloat16: dd_measure_limit_gflops(pool.handle, DD_LIMIT_BFLOAT16_DOT))
    }

    public func limit(_ precision: Precision) -> Double { precision == .bfloat16 && bfloat16 > 0 ? bfloat16 : float32 }
}

/// The instruction sets that kernels are written for.
public enum InstructionSet: String, CaseIterable, Sendable {
    case scalar, avx2, avx512
    case avx512VNNI = "avx512-vnni"
    case avx512BF16 = "avx512-bf16"

    private var isa: dd_isa {
        switch self {
        case .scalar: DD_ISA_SCALAR
        case .avx2: DD_ISA_AVX2
        case .avx512: DD_ISA_AVX512
        case .avx512VNNI: DD_ISA_AVX512_VNNI
        case .avx512BF16: DD_ISA_AVX512_BF16
        }
    }

    public var isSupported: Bool { isa.rawValue <= dd_isa_supported().rawValue }

    /// The one in use.
    public static var current: InstructionSet { InstructionSet(rawValue: String(cString: dd_isa_name(dd_isa_current())))! }

    /// Lets kernels use no more than this, in the whole process; false where the machine does not have it.
    public func force() -> Bool { dd_isa_force(isa) == isa }
}
