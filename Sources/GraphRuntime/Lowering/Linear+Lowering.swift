import CKernels
import GraphIR
import Operators
import Tensors

extension Linear: LowerableOp, NarrowStorageOp {
    /// Whether our own kernel computes it, from packed weights.
    private func runsFused(_ context: LoweringContext) -> Bool {
        guard prologue == nil, epilogue == nil, weights == nil else { return true }
        return context.options.packsWeights && context.parameterKeys[1] != nil
    }

    func narrowStorage(_ context: LoweringContext) -> (operands: Set<Int>, result: Bool) {
        guard runsFused(context) else { return ([], false) }
        // Operands stay float32: int16 keeps more of them than bfloat16 would.
        return ([], (epilogue ?? []).allSatisfy { $0 == .addBias })
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        try runsFused(context) ? lowerFused(context) : lowerPlain(context)
    }

    /// A product with packed weights, and all that is folded into it.
    private func lowerFused(_ context: LoweringContext) throws -> Kernel {
        let fused = fusedOperands(Array(context.operands.indices))!
        let x = context.operands[fused.input]
        let (weights, biases) = (fused.weights, fused[.addBias] ?? [])
        let k = x.shape[-1]
        let rows = k == 0 ? 0 : x.elementCount / k
        let precision = context.options.precision.products

        var template = dd_gemm_args()
        template.m = Int64(rows)
        template.n = Int64(weights.reduce(0) { $0 + context.operands[$1].shape[0] })
        template.k = Int64(k)
        template.precision = precision
        template.lda = Int64(k)
        template.a_type = context.elementType(ofOperand: fused.input)
        template.y_type = context.narrowResult ? DD_BF16 : DD_F32
        template.ldy = Int64(context.results[0].shape[-1])
        template.ld_residual = template.ldy
        template.activation = fused.activation.kernelActivation
        if fused[.layerNorm] != nil {
            template.prologue = DD_GEMM_PROLOGUE_LAYER_NORM
            template.epsilon = epsilon ?? 1e-5
        } else if prologue != nil {
            template.prologue = DD_GEMM_PROLOGUE_SCALE_SHIFT
            template.column_group_rows = Int64(x.shape[0] == 0 ? 0 : rows / x.shape[0])
            if prologue?.contains(.silu) == true { template.prologue_activation = DD_ACTIVATION_SILU }
        }
        let takesMoments = fused[.takeMoments] != nil
        if takesMoments { (template.takes_moments, template.moments_rows) = (1, Int64(x.shape[1])) }
        let bias = biases.count == 1 ? biases[0] : nil
        let columns = fused[.layerNorm] ?? fused[.scaleShift]
        let (input, residual) = (fused.input, fused[.addResidual]?.first)

        var packings = [try packedWeights(context, weights, template)]
        if biases.count > 1 { packings.append(try joinedBiases(context, biases)) }
        let aRow = Int(template.lda * dd_element_bytes(template.a_type)), yRow = Int(template.ldy * dd_element_bytes(template.y_type))
        // It has no pointers.
        nonisolated(unsafe) let call = template
        // Sequences of a batch have scales and shifts of their own.
        let groupRows = x.shape[0] > 1 ? Int(template.column_group_rows) : 0
        @Sendable func run(_ arguments: KernelArguments, _ rows: Range<Int>?, _ takesMoments: Bool) {
            var args = call
            let first = rows?.lowerBound ?? 0
            if let rows { (args.m, args.column_group_rows) = (Int64(rows.count), Int64(groupRows)) }
            let group = groupRows > 0 ? first / groupRows : 0
            args.takes_moments = takesMoments ? 1 : 0
            args.w_packed = arguments.packed[0]
            args.a = UnsafeRawPointer(arguments.operands[input] + first * aRow)
            args.bias = arguments.packed.count > 1 ? arguments.packed[1].assumingMemoryBound(to: Float.self) : arguments.input(bias)
            args.residual = arguments.input(residual).map { $0 + first * Int(args.ld_residual) }
            args.column_scale = arguments.input(columns?[0]).map { $0 + group * k }
            args.column_shift = arguments.input(columns?[1]).map { $0 + group * k }
            args.y = arguments.results[0] + first * yRow
            if takesMoments { args.moments = arguments.output(1) }
            dd_gemm(arguments.pool.handle, &args, arguments.scratch)
        }
        var kernel = Kernel(
            String(cString: dd_gemm_variant(precision)), scratchByteCount: Int(dd_gemm_scratch_bytes(&template, Int32(context.threadCount))),
            inPlaceOperands: [residual].compactMap { $0 }, packings: packings, packedOperands: Set(weights + (biases.count > 1 ? biases : []))
        ) { run($0, nil, takesMoments) }
        // A row does not depend on those beside it. Its moments are summed over blocks of rows of the whole.
        guard let rowCount = x.rowCount, rowCount == context.results[0].rowCount, x.shape.rank == 3, k > 0 else { return kernel }
        // Of the product, in one of the tensor.
        let productRows = rows / rowCount
        var reads: [Int: StripKernel.Reads] = [input: StripKernel.sameRows]
        if let residual { reads[residual] = StripKernel.sameRows }
        let threads = Int32(context.threadCount)
        var strips = StripKernel(reads: reads) { arguments, strip, _ in
            run(arguments, strip.lowerBound * productRows..<strip.upperBound * productRows, false)
        }
        strips.scratchByteCount = { strip, _ in
            var args = call
            (args.m, args.column_group_rows, args.takes_moments) = (Int64(strip * productRows), Int64(groupRows), 0)
            return Int(dd_gemm_scratch_bytes(&args, threads))
        }
        kernel.strips = strips
        return kernel
    }

    /// The weights one below the other, or the values and gates of GEGLU side by side.
    private func packedWeights(_ context: LoweringContext, _ weights: [Int], _ args: dd_gemm_args) throws -> Packing {
        let keys = try weights.map { try context.requiredKey($0, "weight") }
        let (precision, k, isGated) = (args.precision, args.k, args.activation == DD_ACTIVATION_GEGLU)
        return Packing(
            "gemm \(isGated ? "geglu" : "rows") \(precision.rawValue) \(keys.joined(separator: " "))",
            byteCount: Int(dd_gemm_packed_bytes(precision, args.n, k)), of: keys
        ) { memory, parameters in
            var row: Int64 = 0
            for key in keys {
                let weight = try parameters.stored(key)
                let (type, height, pool) = (weight.type.elementType.kernelType, Int64(weight.shape[0]), parameters.pool.handle)
                weight.withBytes {
                    if isGated {
                        dd_gemm_pack_geglu(pool, precision, memory, $0.baseAddress, type, height, k, k)
                    } else {
                        dd_gemm_pack_rows(pool, precision, memory, row, $0.baseAddress, type, height, k, k)
                    }
                }
                row += height
            }
        }
    }

    private func joinedBiases(_ context: LoweringContext, _ biases: [Int]) throws -> Packing {
        let keys = try biases.map { try context.requiredKey($0, "bias") }
        let byteCount = biases.reduce(0) { $0 + context.operands[$1].byteCount }
        return Packing("joined \(keys.joined(separator: " "))", byteCount: byteCount, of: keys) { memory, parameters in
            var target = memory
            for key in keys {
                let bias = try parameters.stored(key)
                let count = bias.type.elementCount
                bias.withBytes { dd_convert(parameters.pool.handle, target, DD_F32, $0.baseAddress, bias.type.elementType.kernelType, Int64(count)) }
                target += 4 * count
            }
        }
    }

    /// A product with the weights as they are stored, or computed on the way.
    private func lowerPlain(_ context: LoweringContext) throws -> Kernel {
        let (weight, bias) = (1, context.operands.count > 2 ? 2 : nil)
        let (k, n) = (context.operands[weight].shape[1], context.operands[weight].shape[0])
        try BLAS.requireFit(k, n)
        let rows = Blocks(context.results[0].elementCount / n, size: 256)
        // Few rows are split by columns too, so that every thread has some.
        let columns = Blocks(n, size: rows.count < 4 ? max(64, (n + 3) / 4) : n)
        return Kernel("linear openblas") { arguments in
            let (x, w, b, y) = (arguments.input(0), arguments.input(weight), arguments.input(bias), arguments.output())
            arguments.pool.parallelFor(rows.count * columns.count) { task, _ in
                let (r, c) = (rows.range(task / columns.count), columns.range(task % columns.count))
                if let b {
                    for row in r { (y + row * n + c.lowerBound).update(from: b + c.lowerBound, count: c.count) }
                }
                BLAS.multiply(
                    m: r.count, n: c.count, k: k, a: x + r.lowerBound * k, lda: k, b: w + c.lowerBound * k, ldb: k, transposeB: true,
                    c: y + r.lowerBound * n + c.lowerBound, ldc: n, accumulate: b != nil)
            }
        }
    }
}

extension EpilogueStep? {
    fileprivate var kernelActivation: dd_activation {
        switch self {
        case .silu: DD_ACTIVATION_SILU
        case .gelu: DD_ACTIVATION_GELU
        case .geglu: DD_ACTIVATION_GEGLU
        default: DD_ACTIVATION_NONE
        }
    }
}
