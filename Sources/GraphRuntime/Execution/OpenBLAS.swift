import Files
import Foundation
import Tensors

/// OpenBLAS, loaded where a product needs it first.
///
/// It starts a thread a processor when it is loaded, unless its environment says otherwise by then, and waits for them when the program ends, for ever where one
/// of them could not be started. So it is not linked.
struct OpenBLAS: Sendable {
    /// Order, transposition of A and of B, m, n, k, alpha, A, its leading dimension, B, its own, beta, C, its own.
    typealias SGEMM =
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
        ) -> Void

    let sgemm: SGEMM

    // CBLAS's own numbers.
    static let rowMajor: Int32 = 101
    static let plain: Int32 = 111
    static let transposed: Int32 = 112

    static let library: Result<OpenBLAS, InputError> = {
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        // The kernels that OpenBLAS 0.3.21 (Debian 12) takes on Sapphire Rapids compute wrong products.
        if InstructionSet(rawValue: "avx512-bf16")?.isSupported == true { setenv("OPENBLAS_CORETYPE", "SkylakeX", 0) }
        guard let handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, "cblas_sgemm") else {
            let reason = dlerror().map { String(cString: $0) } ?? "for no reason"
            return .failure(InputError("OpenBLAS cannot be loaded: \(reason)", advice: "Install it (Debian: libopenblas0)."))
        }
        return .success(OpenBLAS(sgemm: unsafeBitCast(symbol, to: SGEMM.self)))
    }()
}
