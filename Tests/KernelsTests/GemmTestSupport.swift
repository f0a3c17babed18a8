import CKernels
import Foundation
import Testing

/// Memory as the kernels want it: aligned, and filled with NaN patterns so that nothing unwritten passes for a number.
final class AlignedBytes: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(_ count: Int64) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(Int(count), 1), alignment: 64)
        for i in bytes.indices { bytes[i] = 0xff }
        pointer = bytes.baseAddress!
    }

    deinit { pointer.deallocate() }
}

enum ProductTests {
    nonisolated(unsafe) static let pools: [OpaquePointer?] = [nil] + [1, 2, 3].map { dd_pool_create(Int32($0)) }
    static let precisions = [DD_PRECISION_FLOAT32, DD_PRECISION_BFLOAT16]
    static let gemmPrecisions = precisions + [DD_PRECISION_INT16]

    static func rounded(_ x: Float) -> Float {
        if x.isNaN { return x }
        let bits = x.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) & 0xffff_0000)
    }

    static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    static func gelu(_ x: Double) -> Double { 0.5 * x * erfc(-x / 2.0.squareRoot()) }
}

/// A product with everything it reads; `run` and `expected` compute it with the kernels and in double precision.
struct GemmCase {
    var m: Int, n: Int, k: Int
    var precision = DD_PRECISION_FLOAT32
    var activation = DD_ACTIVATION_NONE
    var a: [Float], lda: Int
    var w: [Float]
    var bias: [Float]?
    var residual: [Float]?, inPlace = false
    var prologue = DD_GEMM_PROLOGUE_NONE, prologueActivation = DD_ACTIVATION_NONE
    var epsilon: Float = 1e-5
    var scale: [Float]?, shift: [Float]?, columnGroupRows = 0
    var ldy: Int
    /// The result lies in memory as bfloat16.
    var narrowResult = false

    init(_ m: Int, _ n: Int, _ k: Int, _ numbers: inout SeededNumbers, activation: dd_activation = DD_ACTIVATION_NONE) {
        (self.m, self.n, self.k) = (m, n, k)
        self.activation = activation
        lda = k
        a = numbers.floats(m * k)
        w = numbers.floats(n * k)
        bias = numbers.floats(n)
        ldy = activation == DD_ACTIVATION_GEGLU ? n / 2 : n
    }

    var isGEGLU: Bool { activation == DD_ACTIVATION_GEGLU }
    var columns: Int { isGEGLU ? n / 2 : n }

    func packed() -> AlignedBytes {
        let bytes = AlignedBytes(dd_gemm_packed_bytes(precision, Int64(n), Int64(k)))
        if isGEGLU {
            dd_gemm_pack_geglu(nil, precision, bytes.pointer, w, DD_F32, Int64(n), Int64(k), Int64(k))
        } else {
            dd_gemm_pack_rows(nil, precision, bytes.pointer, 0, w, DD_F32, Int64(n), Int64(k), Int64(k))
        }
        return bytes
    }

    /// Rows of y, ldy apart; what lies between them must stay as it was.
    /// `moments` takes the means and variances of the columns over each `momentsRows` rows.
    func run(
        _ pool: OpaquePointer?, _ packed: AlignedBytes, moments: UnsafeMutablePointer<Float>? = nil, momentsRows: Int = 0,
        location: SourceLocation = #_sourceLocation
    ) -> [Float] {
        let untouched = Float(bitPattern: 0x7fc0_1234)
        var y = inPlace ? residual! : [Float](repeating: untouched, count: m * ldy)
        y.withUnsafeMutableBufferPointer { y in
            withPointers([a, bias, inPlace ? nil : residual, scale, shift]) { p in
                var args = dd_gemm_args()
                (args.m, args.n, args.k) = (Int64(m), Int64(n), Int64(k))
                args.precision = precision
                args.w_packed = UnsafeRawPointer(packed.pointer)
                args.a = UnsafeRawPointer(p[0])
                args.lda = Int64(lda)
                args.bias = p[1]
                args.residual = inPlace ? UnsafePointer(y.baseAddress!) : p[2]
                args.ld_residual = Int64(inPlace ? ldy : columns)
                args.prologue = prologue
                args.prologue_activation = prologueActivation
                args.epsilon = epsilon
                args.column_scale = p[3]
                args.column_shift = p[4]
                args.column_group_rows = Int64(columnGroupRows)
                args.activation = activation
                args.y = UnsafeMutableRawPointer(y.baseAddress!)
                args.y_type = narrowResult ? DD_BF16 : DD_F32
                args.ldy = Int64(ldy)
                (args.takes_moments, args.moments) = (moments == nil ? 0 : 1, moments)
                args.moments_rows = Int64(momentsRows)
                let scratch = AlignedBytes(dd_gemm_scratch_bytes(&args, dd_pool_size(pool)))
                dd_gemm(pool, &args, scratch.pointer)
            }
        }
        if narrowResult {
            let halves = y.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
            return (0..<m).flatMap { i in halves[i * ldy..<i * ldy + columns].map { Float(bitPattern: UInt32($0) << 16) } }
        }
        let gaps = (0..<m).allSatisfy { i in (columns..<ldy).allSatisfy { y[i * ldy + $0].bitPattern == untouched.bitPattern } }
        #expect(gaps || inPlace, "wrote between the rows", sourceLocation: location)
        return (0..<m).flatMap { i in y[i * ldy..<i * ldy + columns] }
    }

    private func withPointers(_ arrays: [[Float]?], _ body: ([UnsafePointer<Float>?]) -> Void) {
        func descend(_ i: Int, _ done: [UnsafePointer<Float>?]) {
            guard i < arrays.count else { return body(done) }
            guard let array = arrays[i] else { return descend(i + 1, done + [nil]) }
            array.withUnsafeBufferPointer { descend(i + 1, done + [$0.baseAddress]) }
        }
        descend(0, [])
    }

    private func sourceRow(_ i: Int) -> [Double] {
        var row = (0..<k).map { Double(a[i * lda + $0]) }
        var (centre, factor) = (0.0, 1.0)
        if prologue == DD_GEMM_PROLOGUE_LAYER_NORM {
            centre = row.reduce(0, +) / Double(k)
            factor = 1 / (row.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(k) + Double(epsilon)).squareRoot()
        }
        let group = (columnGroupRows > 0 ? i / columnGroupRows : 0) * k
        for l in 0..<k {
            if prologue != DD_GEMM_PROLOGUE_NONE {
                row[l] = (row[l] - centre) * factor * Double(scale?[group + l] ?? 1) + Double(shift?[group + l] ?? 0)
            }
            if prologueActivation == DD_ACTIVATION_SILU { row[l] = ProductTests.silu(row[l]) }
            if precision == DD_PRECISION_BFLOAT16 { row[l] = Double(ProductTests.rounded(Float(row[l]))) }
        }
        return row
    }

    /// What rounding to int16 may add to a product: half a scale for each number, of a row and of weights.
    private func int16Error(_ row: [Double], _ weights: ArraySlice<Float>) -> Double {
        let parts = (k + 511) / 512, part = parts == 0 ? 1 : ((k + parts - 1) / parts + 31) / 32 * 32
        func norm(_ values: some Sequence<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let w = weights.map(Double.init)
        let starts = Array(stride(from: 0, to: k, by: part))
        let weightScale = (starts.map { norm(w[$0..<min($0 + part, k)]) }.max() ?? 0) / 32600
        return starts.reduce(0) { error, start in
            let range = start..<min(start + part, k)
            let rowScale = norm(row[range]) / 32600
            let sizes = range.reduce((row: 0.0, weights: 0.0)) { ($0.row + abs(row[$1]), $0.weights + abs(w[$1])) }
            return error + 0.5 * (sizes.weights * rowScale + sizes.row * weightScale) + 0.25 * Double(range.count) * rowScale * weightScale
        }
    }

    /// Each element of y with the error that float32 sums of its terms may have.
    func expected() -> [(value: Double, tolerance: Double)] {
        let weights = precision == DD_PRECISION_BFLOAT16 ? w.map(ProductTests.rounded) : w
        let computed = prologue != DD_GEMM_PROLOGUE_NONE
        return (0..<m).flatMap { i -> [(Double, Double)] in
            let row = sourceRow(i)
            func product(_ c: Int) -> (value: Double, error: Double) {
                var (value, size, largest) = (0.0, 0.0, 0.0)
                for l in 0..<k {
                    let term = row[l] * Double(weights[c * k + l])
                    value += term
                    size += abs(term)
                    largest = max(largest, abs(term))
                }
                value += Double(bias?[c] ?? 0)
                size += 2
                var error = size * 2e-7 * (2 + Double(k).squareRoot())
                if computed { error += size * 8e-6 }
                // A computed value beside a tie may round to the other side.
                if computed && precision == DD_PRECISION_BFLOAT16 { error += largest / 40 }
                if precision == DD_PRECISION_INT16 { error += 1.01 * int16Error(row, w[c * k..<(c + 1) * k]) }
                return (value, error)
            }
            return (0..<columns).map { c in
                let (v, e) = product(c)
                var (x, error) = (v, e)
                switch activation {
                case DD_ACTIVATION_SILU: (x, error) = (ProductTests.silu(v), 1.2 * e + 2e-7 * max(1, abs(v)))
                case DD_ACTIVATION_GELU: (x, error) = (ProductTests.gelu(v), 1.2 * e + 2e-7 * max(1, abs(v)))
                case DD_ACTIVATION_GEGLU:
                    let (gate, gateError) = product(columns + c)
                    let factor = ProductTests.gelu(gate)
                    (x, error) = (v * factor, e * abs(factor) + abs(v) * (1.2 * gateError + 2e-7 * max(1, abs(gate))))
                default: break
                }
                if let residual { x += Double(residual[i * (inPlace ? ldy : columns) + c]) }
                return (x, error + 1e-6)
            }
        }
    }

    /// Every instruction set against double precision, and the same bits for every number of threads.
    func check(_ note: String = "", location: SourceLocation = #_sourceLocation) {
        let expected = expected()
        let packed = packed()
        KernelHarness.forEachISA { _ in
            let name = String(cString: dd_gemm_variant(precision))
            let results = ProductTests.pools.map { run($0, packed, location: location) }
            let bits = results.map { $0.map(\.bitPattern) }
            #expect(bits.allSatisfy { $0 == bits[0] }, "\(name) \(m)x\(n)x\(k) \(note) differs with threads", sourceLocation: location)
            let wrong = zip(results[0], expected).enumerated().first { !(abs(Double($1.0) - $1.1.value) <= $1.1.tolerance) }
            if let (at, (got, want)) = wrong {
                Issue.record(
                    "\(name) \(m)x\(n)x\(k) \(note) row \(at / columns) column \(at % columns): \(got), expected \(want.value) +- \(want.tolerance)",
                    sourceLocation: location)
            }
        }
    }
}
