import CKernels
import Foundation
import Tensors

/// Times the kernels on shapes of the released networks, each instruction set against its own limit.
public struct KernelBenchmark {
    public struct Result: Codable, Hashable, Sendable {
        /// The variant: "gemm-avx512 float32 8x32".
        public var kernel: String
        public var shape: String
        public var precision: String
        /// Of each run that is counted.
        public var seconds: [Double]
        /// GFLOP of the direct algorithm, so that less work shows as speed.
        public var gigaFLOP: Double
        /// GFLOP/s of what the products are made of, measured beside.
        public var limit: Double

        public var median: Double { seconds.sorted()[seconds.count / 2] }
        public var gigaFLOPPerSecond: Double { gigaFLOP / median }
    }

    public let pool: ThreadPool
    public let runs: Int

    public init(pool: ThreadPool, runs: Int = 5) {
        self.pool = pool
        self.runs = max(1, runs)
    }

    /// - `instructionSets`: those to measure; afterwards the one in use before is in use again.
    public func run(_ instructionSets: [InstructionSet], finished: (Result) throws -> Void) rethrows {
        let before = InstructionSet.current
        defer { _ = before.force() }
        for set in instructionSets where set.force() {
            for precision in Precision.allCases where precision.isFast {
                for shape in KernelBenchmark.products { try finished(product(shape, precision)) }
                for shape in KernelBenchmark.attentions { try finished(attention(shape, precision)) }
                for problem in KernelBenchmark.convolutions(precision) {
                    for algorithm in problem.candidates { try finished(convolution(problem, algorithm)) }
                }
            }
        }
    }

    // MARK: shapes

    private static let products: [(m: Int64, n: Int64, k: Int64)] = [
        (4096, 320, 320), (4096, 2560, 320), (1024, 640, 5760), (256, 1280, 11520), (64, 1280, 11520),
    ]

    private static let attentions: [(heads: Int64, queries: Int64, keys: Int64, channels: Int64)] = [
        (5, 4096, 4096, 64), (10, 1024, 1024, 64), (20, 256, 256, 64), (5, 4096, 77, 64), (1, 4096, 4096, 512),
    ]

    private static func convolutions(_ precision: Precision) -> [ConvolutionProblem] {
        let shapes: [(size: Int64, input: Int64, output: Int64, kernel: Int64, stride: Int64)] = [
            (64, 320, 320, 3, 1), (32, 640, 640, 3, 1), (16, 1280, 1280, 3, 1), (8, 1280, 1280, 3, 1), (64, 320, 320, 3, 2),
            (64, 960, 320, 1, 1), (256, 256, 256, 3, 1),
        ]
        return shapes.map { shape in
            var args = dd_conv_args()
            (args.batch, args.height, args.width) = (1, shape.size, shape.size)
            (args.cin0, args.cout, args.kh, args.kw, args.stride) = (shape.input, shape.output, shape.kernel, shape.kernel, shape.stride)
            (args.pad_top, args.pad_left) = (shape.kernel / 2, shape.kernel / 2)
            (args.pad_bottom, args.pad_right) = (shape.kernel / 2, shape.kernel / 2)
            return ConvolutionProblem(args, precision: precision)
        }
    }

    // MARK: timing

    private func result(_ kernel: String, _ shape: String, _ precision: Precision, of products: dd_precision, gigaFLOP: Double, body: () -> Void) -> Result {
        var seconds: [Double] = []
        var limit = 0.0
        // Portable C has no instruction for integers.
        let limited = products == DD_PRECISION_INT16 && InstructionSet.current == .scalar ? DD_PRECISION_FLOAT32 : products
        for run in 0...runs {
            limit = max(limit, dd_measure_limit_gflops(pool.handle, limited))
            let start = DispatchTime.now().uptimeNanoseconds
            body()
            if run > 0 { seconds.append(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9) }
        }
        return Result(kernel: kernel, shape: shape, precision: precision.rawValue, seconds: seconds, gigaFLOP: gigaFLOP, limit: limit)
    }

    private func product(_ shape: (m: Int64, n: Int64, k: Int64), _ precision: Precision) -> Result {
        let products = precision.products
        var args = dd_gemm_args()
        (args.m, args.n, args.k, args.precision) = (shape.m, shape.n, shape.k, products)
        (args.lda, args.ldy, args.a_type, args.y_type) = (shape.k, shape.n, DD_F32, DD_F32)
        let sizes = [
            shape.m * shape.k * 4, shape.m * shape.n * 4, dd_gemm_packed_bytes(products, shape.n, shape.k),
            dd_gemm_scratch_bytes(&args, Int32(pool.threadCount)),
        ]
        return withMadeUpNumbers(sizes.map(Int.init)) { memory in
            (args.a, args.y, args.w_packed) = (UnsafeRawPointer(memory[0]), memory[1], UnsafeRawPointer(memory[2]))
            return result(
                String(cString: dd_gemm_variant(products)), "\(shape.m) x \(shape.n) x \(shape.k)", precision, of: products,
                gigaFLOP: 2e-9 * Double(shape.m * shape.n * shape.k)
            ) { dd_gemm(pool.handle, &args, memory[3]) }
        }
    }

    private func attention(_ shape: (heads: Int64, queries: Int64, keys: Int64, channels: Int64), _ precision: Precision) -> Result {
        let width = shape.heads * shape.channels
        var args = dd_attention_args()
        (args.batch, args.heads, args.tq, args.tk, args.d) = (1, shape.heads, shape.queries, shape.keys, shape.channels)
        (args.scale, args.precision) = (1 / Float(shape.channels).squareRoot(), precision.attention)
        let view = dd_attention_view(batch_stride: 0, token_stride: width, head_stride: shape.channels)
        (args.q_view, args.k_view, args.v_view, args.y_view) = (view, view, view, view)
        let (queries, keys) = (shape.queries * width * 4, shape.keys * width * 4)
        let sizes = [queries, keys, keys, queries, dd_attention_scratch_bytes(&args, Int32(pool.threadCount))]
        return withMadeUpNumbers(sizes.map(Int.init)) { memory in
            (args.q, args.k, args.v, args.y) = (UnsafeRawPointer(memory[0]), UnsafeRawPointer(memory[1]), UnsafeRawPointer(memory[2]), memory[3])
            return result(
                String(cString: dd_attention_variant(precision.attention)),
                "\(shape.heads) heads \(shape.queries) x \(shape.keys) x \(shape.channels)", precision, of: precision.attention,
                gigaFLOP: 4e-9 * Double(shape.queries * shape.keys * width)
            ) { dd_attention(pool.handle, &args, memory[4]) }
        }
    }

    private func convolution(_ problem: ConvolutionProblem, _ algorithm: ConvolutionAlgorithm) -> Result {
        var args = problem.arguments
        let (height, width) = (dd_conv_out_height(&args), dd_conv_out_width(&args))
        let sizes = [
            Int(problem.height * problem.width * problem.inputChannels * 4), Int(height * width * problem.outputChannels * 4),
            problem.packedByteCount(algorithm), dd_conv_scratch_bytes(algorithm.handle, problem.products(algorithm), &args, Int32(pool.threadCount)),
        ]
        let taps = problem.kernel[0] * problem.kernel[1]
        return withMadeUpNumbers(sizes) { memory in
            args.x0 = UnsafePointer(memory[0].assumingMemoryBound(to: Float.self))
            args.y = memory[1].assumingMemoryBound(to: Float.self)
            return result(
                "conv-\(InstructionSet.current.rawValue) \(problem.label(algorithm))",
                "\(problem.height)x\(problem.width) \(problem.inputChannels)->\(problem.outputChannels) \(problem.kernel[0])x\(problem.kernel[1])/\(problem.stride)",
                problem.precision, of: problem.products(algorithm),
                gigaFLOP: 2e-9 * Double(height * width * problem.outputChannels * problem.inputChannels * taps)
            ) {
                let status = dd_conv(pool.handle, algorithm.handle, problem.products(algorithm), &args, memory[2], memory[3])
                precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
            }
        }
    }
}

/// Calls `body` with memories of these sizes in bytes to measure kernels on: any ordinary number, in pages of its own.
func withMadeUpNumbers<Result>(_ byteCounts: [Int], _ body: ([UnsafeMutableRawPointer]) -> Result) -> Result {
    func add(_ made: [UnsafeMutableRawPointer]) -> Result {
        guard made.count < byteCounts.count else { return body(made) }
        return Memory(byteCount: max(byteCounts[made.count], 4)).withMutableBytes {
            $0.bindMemory(to: Float.self).update(repeating: 0.01)
            return add(made + [$0.baseAddress!])
        }
    }
    return add([])
}
