import CKernels
import Testing

@Suite struct GemmTests {
    @Test(arguments: [
        (1, 1, 1), (1, 32, 64), (7, 31, 17), (8, 32, 16), (9, 33, 15), (13, 97, 101), (64, 64, 64), (49, 128, 3), (131, 170, 33),
        (517, 40, 19), (600, 65, 7), (2, 257, 1), (3, 5, 509), (1300, 33, 5), (48, 544, 2), (9, 40, 513), (5, 33, 1031),
    ])
    func shapes(_ m: Int, _ n: Int, _ k: Int) {
        var numbers = SeededNumbers(UInt64(m * 7 + n * 3 + k))
        for precision in ProductTests.gemmPrecisions {
            var product = GemmCase(m, n, k, &numbers)
            product.precision = precision
            product.check()
            product.bias = nil
            product.check("no bias")
        }
    }

    @Test(arguments: [DD_ACTIVATION_SILU, DD_ACTIVATION_GELU, DD_ACTIVATION_GEGLU]) func activations(_ activation: dd_activation) {
        var numbers = SeededNumbers(21)
        for (m, n, k) in [(8, 64, 32), (11, 62, 21), (5, 2, 3), (530, 96, 8)] {
            for precision in ProductTests.gemmPrecisions {
                var product = GemmCase(m, n, k, &numbers, activation: activation)
                product.precision = precision
                product.check("activation \(activation.rawValue)")
                product.residual = numbers.floats(m * product.columns)
                product.check("activation \(activation.rawValue), residual")
            }
        }
    }

    @Test func stridesAndResidualInPlace() {
        var numbers = SeededNumbers(22)
        for (m, n, k) in [(8, 32, 16), (19, 45, 30), (523, 33, 9)] {
            for precision in ProductTests.gemmPrecisions {
                var product = GemmCase(m, n, k, &numbers)
                product.precision = precision
                product.lda = k + 5
                product.a = numbers.floats(m * product.lda)
                product.ldy = n + 3
                product.check("strides")
                product.inPlace = true
                product.residual = numbers.floats(m * product.ldy)
                product.check("in place")
            }
        }
    }

    @Test func layerNormOnLoad() {
        var numbers = SeededNumbers(23)
        for (m, n, k) in [(9, 33, 40), (3, 64, 1), (77, 48, 67), (519, 32, 32)] {
            for precision in ProductTests.gemmPrecisions {
                var product = GemmCase(m, n, k, &numbers)
                product.precision = precision
                product.prologue = DD_GEMM_PROLOGUE_LAYER_NORM
                product.epsilon = 1e-3
                product.check("own statistics")
                product.scale = numbers.floats(k)
                product.shift = numbers.floats(k)
                product.check("own statistics, affine")
            }
        }
    }

    @Test func scaleShiftOnLoadByGroups() {
        var numbers = SeededNumbers(24)
        for (m, n, k) in [(10, 33, 18), (128, 32, 33), (514, 40, 6)] {
            for precision in ProductTests.gemmPrecisions {
                var product = GemmCase(m, n, k, &numbers)
                product.precision = precision
                product.prologue = DD_GEMM_PROLOGUE_SCALE_SHIFT
                product.columnGroupRows = (m + 1) / 2
                product.scale = numbers.floats(2 * k)
                product.shift = numbers.floats(2 * k)
                product.check("scale and shift")
                product.prologueActivation = DD_ACTIVATION_SILU
                product.check("scale, shift, silu")
            }
        }
    }

    @Test(arguments: [(9, 33, 0), (64, 40, 16), (300, 32, 100), (1200, 65, 600), (7, 3, 4)])
    func columnMoments(_ m: Int, _ n: Int, _ rows: Int) {
        var numbers = SeededNumbers(31)
        for activation in [DD_ACTIVATION_NONE, DD_ACTIVATION_GEGLU] {
            var product = GemmCase(m, n + (n & 1), 6, &numbers, activation: activation)
            product.residual = numbers.floats(m * product.columns)
            // What the sums of a block begin with may lie far from all else.
            for c in 0..<product.columns { product.residual![c] = 1000 }
            let packed = product.packed()
            let columns = product.columns, groupRows = rows == 0 ? m : rows, groups = (m + groupRows - 1) / groupRows
            KernelHarness.forEachISA { _ in
                let results = ProductTests.pools.map { pool in
                    var moments = [Float](repeating: .nan, count: groups * columns * 2)
                    let y = product.run(pool, packed, moments: &moments, momentsRows: rows)
                    for group in 0..<groups {
                        for c in 0..<columns {
                            let x = (group * groupRows..<min(m, (group + 1) * groupRows)).map { Double(y[$0 * columns + c]) }
                            let at = (group * columns + c) * 2
                            let mean = x.reduce(0, +) / Double(x.count)
                            let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
                            #expect(abs(Double(moments[at]) - mean) <= 1e-6 * (abs(mean) + variance.squareRoot()) + 1e-12)
                            #expect(abs(Double(moments[at + 1]) - variance) <= 1e-6 * variance + 1e-12)
                        }
                    }
                    return moments
                }
                #expect(results.allSatisfy { $0 == results[0] })
            }
        }
    }

    /// Packing parts one after another gives what packing the whole gives, from every element type.
    @Test func packsPartsAndTypes() {
        var numbers = SeededNumbers(26)
        let pool = dd_pool_create(2)  // the shared ones belong to whoever holds the harness's lock
        defer { dd_pool_destroy(pool) }
        for precision in ProductTests.gemmPrecisions {
            for (n, k, cuts) in [(96, 7, [32, 64]), (70, 33, [1, 33, 40]), (5, 2, [2])] {
                let w = numbers.floats(n * k).map { Float(Float16($0)) }
                let bytes = dd_gemm_packed_bytes(precision, Int64(n), Int64(k))
                func packed(_ body: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
                    let memory = AlignedBytes(bytes)
                    body(memory.pointer)
                    return [UInt8](UnsafeRawBufferPointer(start: memory.pointer, count: Int(bytes)))
                }
                let whole = packed { dd_gemm_pack_rows(nil, precision, $0, 0, w, DD_F32, Int64(n), Int64(k), Int64(k)) }
                let halves = w.map { Float16($0).bitPattern }
                #expect(packed { dd_gemm_pack_rows(pool, precision, $0, 0, halves, DD_F16, Int64(n), Int64(k), Int64(k)) } == whole)
                let parts = packed { memory in
                    for (from, to) in zip([0] + cuts, cuts + [n]) {
                        w.withUnsafeBufferPointer {
                            dd_gemm_pack_rows(
                                nil, precision, memory, Int64(from), $0.baseAddress! + from * k, DD_F32, Int64(to - from), Int64(k), Int64(k))
                        }
                    }
                }
                #expect(parts == whole)
                if precision == DD_PRECISION_BFLOAT16 {
                    let bfloats = w.map { UInt16(truncatingIfNeeded: ProductTests.rounded($0).bitPattern >> 16) }
                    #expect(packed { dd_gemm_pack_rows(nil, precision, $0, 0, bfloats, DD_BF16, Int64(n), Int64(k), Int64(k)) } == whole)
                }
            }
        }
    }

    /// NaN and infinities reach the outputs that they belong to, and no others.
    @Test func specialValuesPropagate() {
        var numbers = SeededNumbers(27)
        for precision in ProductTests.gemmPrecisions {
            for activation in [DD_ACTIVATION_NONE, DD_ACTIVATION_SILU, DD_ACTIVATION_GELU, DD_ACTIVATION_GEGLU] {
                var product = GemmCase(11, 40, 9, &numbers, activation: activation)
                product.precision = precision
                product.w = numbers.floats(40 * 9, 0.5...1)
                product.a[3 * 9 + 4] = .nan
                product.a[5 * 9 + 8] = .infinity
                let packed = product.packed()
                KernelHarness.forEachISA { _ in
                    let y = product.run(ProductTests.pools[2], packed)
                    let width = product.columns
                    for i in 0..<11 {
                        let row = y[i * width..<(i + 1) * width]
                        switch i {
                        case 3: #expect(row.allSatisfy { $0.isNaN })
                        case 5: #expect(row.allSatisfy { precision == DD_PRECISION_INT16 ? !$0.isFinite : $0 == .infinity })
                        default: #expect(row.allSatisfy { $0.isFinite })
                        }
                    }
                }
            }
        }
    }

    /// Subnormal inputs count in float32; sums of tiny numbers do not vanish.
    @Test func subnormalNumbers() {
        var numbers = SeededNumbers(28)
        var product = GemmCase(9, 33, 5, &numbers)
        product.bias = nil
        product.a = product.a.map { $0 * 0x1p-135 }
        product.w = product.w.map { $0 * 0x1p10 }
        let expected = product.expected()
        let packed = product.packed()
        KernelHarness.forEachISA { _ in
            let y = product.run(nil, packed)
            #expect(zip(y, expected).allSatisfy { abs(Double($0) - $1.value) <= 0x1p-148 * 6 })
            #expect(y.contains { $0 != 0 })
        }
    }

    /// Factors that are parallel make the largest sums there can be; 32 bits hold them.
    @Test(arguments: [1, 2, 127, 512, 513, 2048]) func int16SumsDoNotOverflow(_ k: Int) {
        var numbers = SeededNumbers(32)
        for sign: Float in [1, -1] {
            var product = GemmCase(7, 33, k, &numbers)
            product.precision = DD_PRECISION_INT16
            product.a = product.a.map { _ in 3 * sign }
            product.w = product.w.map { _ in 0.7 }
            product.check("parallel \(sign)")
        }
    }

    /// What the choice of int16 rests on: it is as fast as bfloat16, and several times as exact.
    @Test func int16IsMoreExactThanBFloat16() {
        var numbers = SeededNumbers(33)
        func error(_ product: GemmCase, _ precision: dd_precision) -> Double {
            var (rounded, exact) = (product, product)
            rounded.precision = precision
            let result = rounded.run(nil, rounded.packed())
            exact.precision = DD_PRECISION_FLOAT32
            let reference = exact.run(nil, exact.packed())
            let squares = zip(result, reference).reduce((0.0, 0.0)) {
                ($0.0 + Double($1.0 - $1.1) * Double($1.0 - $1.1), $0.1 + Double($1.1) * Double($1.1))
            }
            return (squares.0 / squares.1).squareRoot()
        }
        for k in [64, 320, 1280] {
            var product = GemmCase(32, 64, k, &numbers)
            product.bias = nil
            let bfloat16 = error(product, DD_PRECISION_BFLOAT16)
            #expect(bfloat16 > 1e-3)
            #expect(error(product, DD_PRECISION_INT16) < 0.2 * bfloat16)
            // A column far above the others takes digits from them.
            for i in 0..<32 { product.a[i * k + 7] = i % 2 == 0 ? 50 : -40 }
            #expect(error(product, DD_PRECISION_INT16) < error(product, DD_PRECISION_BFLOAT16))
        }
    }

    /// Rows so small that their squares vanish count as nothing.
    @Test func int16OfTinyRows() {
        var numbers = SeededNumbers(34)
        for scale: Float in [0, 1e-38, 1e-25] {
            var product = GemmCase(9, 33, 40, &numbers)
            product.precision = DD_PRECISION_INT16
            product.bias = nil
            product.a = product.a.map { $0 * scale }
            let packed = product.packed()
            KernelHarness.forEachISA { _ in #expect(product.run(nil, packed).allSatisfy { abs($0) <= 40 * scale }) }
        }
    }

    /// A row's result does not depend on the rows beside it.
    @Test func rowsAreIndependent() {
        var numbers = SeededNumbers(29)
        for precision in ProductTests.gemmPrecisions {
            var many = GemmCase(600, 50, 37, &numbers)
            many.precision = precision
            let packed = many.packed()
            var one = many
            one.m = 1
            KernelHarness.forEachISA { _ in
                let all = many.run(nil, packed)
                for i in [0, 7, 8, 45, 599] {
                    one.a = Array(many.a[i * 37..<(i + 1) * 37])
                    #expect(one.run(nil, packed) == Array(all[i * 50..<(i + 1) * 50]))
                }
            }
        }
    }

    @Test func emptySizes() {
        var numbers = SeededNumbers(30)
        var product = GemmCase(3, 4, 0, &numbers)
        product.residual = numbers.floats(12)
        product.check("k = 0")
        #expect(dd_gemm_packed_bytes(DD_PRECISION_FLOAT32, 0, 5) == 0)
        #expect(dd_gemm_packed_bytes(DD_PRECISION_BFLOAT16, 33, 3) == 2 * 2 * 32 * 4)
        #expect(dd_gemm_packed_bytes(DD_PRECISION_INT16, 33, 3) == 2 * (2 + 1) * 32 * 4)
    }

    @Test func limitsAreMeasured() {
        KernelHarness.forEachISA { isa in
            #expect(dd_measure_limit_gflops(ProductTests.pools[1], DD_PRECISION_FLOAT32) > 0.1)
            #expect((dd_measure_limit_gflops(ProductTests.pools[1], DD_PRECISION_INT16) > 0.1) == (isa > 0))
            let hasDotProducts = ["avx512-bf16", "amx"].contains(String(cString: dd_isa_name(isa)))
            #expect((dd_measure_limit_gflops(nil, DD_PRECISION_BFLOAT16) > 0) == hasDotProducts)
        }
    }

    /// A result stored as bfloat16 is the float32 one rounded.
    @Test(arguments: [(1, 2, 1), (9, 64, 33), (130, 96, 64), (600, 62, 31)])
    func narrowResults(_ m: Int, _ n: Int, _ k: Int) {
        var numbers = SeededNumbers(UInt64(m + n + k))
        for precision in ProductTests.gemmPrecisions {
            for activation in [DD_ACTIVATION_NONE, DD_ACTIVATION_SILU, DD_ACTIVATION_GELU, DD_ACTIVATION_GEGLU] {
                for residual in [false, true] {
                    var product = GemmCase(m, n, k, &numbers, activation: activation)
                    product.precision = precision
                    if residual { product.residual = numbers.floats(m * product.columns) }
                    let packed = product.packed()
                    KernelHarness.forEachISA { _ in
                        product.narrowResult = false
                        let wide = product.run(nil, packed).map(ProductTests.rounded)
                        product.narrowResult = true
                        #expect(product.run(nil, packed) == wide, "\(String(cString: dd_gemm_variant(precision))) \(activation) \(residual)")
                    }
                }
            }
        }
    }
}
