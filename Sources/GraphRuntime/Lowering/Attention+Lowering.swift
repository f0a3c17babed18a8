import CKernels
import GraphIR
import Operators
import Tensors

extension Attention: NarrowStorageOp {
    func narrowStorage(_ context: LoweringContext) -> (operands: Set<Int>, result: Bool) {
        (context.options.precision.attention == DD_PRECISION_BFLOAT16 ? Set(context.operands.indices) : [], true)
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let types = context.operands
        let (query, result) = (types[0], context.results[0])
        let width = result.shape[2]
        var template = dd_attention_args()
        (template.batch, template.heads) = (Int64(query.shape[0]), Int64(width / headSize))
        (template.tq, template.tk) = (Int64(query.shape[1]), Int64(keyCount(types)))
        template.d = Int64(headSize)
        template.scale = scale
        template.causal = causal ? 1 : 0
        template.precision = context.options.precision.attention
        func view(_ type: TensorType) -> dd_attention_view {
            dd_attention_view(
                batch_stride: type.shape[0] == 1 ? 0 : Int64(type.shape[1] * type.shape[2]), token_stride: Int64(type.shape[2]),
                head_stride: Int64(headSize))
        }
        template.q_view = view(query)
        template.y_view = view(result)
        // Where key and value begin: an operand, and an offset in it.
        let (key, value): ((operand: Int, offset: Int), (operand: Int, offset: Int)) =
            switch packing {
            case nil: ((1, 0), (2, 0))
            case .keyValue: ((1, 0), (1, width))
            case .queryKeyValue: ((0, width), (0, 2 * width))
            }
        template.k_view = view(types[key.operand])
        template.v_view = view(types[value.operand])
        template.q_type = context.elementType(ofOperand: 0)
        template.k_type = context.elementType(ofOperand: key.operand)
        template.v_type = context.elementType(ofOperand: value.operand)
        template.y_type = context.narrowResult ? DD_BF16 : DD_F32
        let (keyOffset, valueOffset) = (
            key.offset * Int(dd_element_bytes(template.k_type)), value.offset * Int(dd_element_bytes(template.v_type))
        )
        // It has no pointers.
        nonisolated(unsafe) let call = template
        @Sendable func run(_ arguments: KernelArguments, _ part: dd_attention_args, query: Int = 0, keys: Int = 0, values: Int = 0, result: Int = 0) {
            var args = part
            args.q = UnsafeRawPointer(arguments.operands[0] + query)
            args.k = UnsafeRawPointer(arguments.operands[key.operand] + keyOffset + keys)
            args.v = UnsafeRawPointer(arguments.operands[value.operand] + valueOffset + values)
            args.y = arguments.results[0] + result
            dd_attention(arguments.pool.handle, &args, arguments.scratch)
        }
        var kernel = Kernel(
            String(cString: dd_attention_variant(template.precision)),
            scratchByteCount: Int(dd_attention_scratch_bytes(&template, Int32(context.threadCount))), inPlaceOperands: packing == .queryKeyValue ? [] : [0]
        ) { run($0, call) }
        // Some of the sequences, or some of the queries of a single one.
        let (batch, threads) = (query.shape[0], Int32(context.threadCount))
        guard batch > 1 || !causal && packing != .queryKeyValue, result.rowCount != nil else { return kernel }
        func rowBytes(_ view: dd_attention_view, _ type: dd_element) -> Int {
            Int((batch > 1 ? view.batch_stride : view.token_stride) * dd_element_bytes(type))
        }
        let (queryRow, resultRow) = (rowBytes(template.q_view, template.q_type), rowBytes(template.y_view, template.y_type))
        let (keyRow, valueRow) = batch > 1 ? (rowBytes(template.k_view, template.k_type), rowBytes(template.v_view, template.v_type)) : (0, 0)
        @Sendable func part(_ rows: Int) -> dd_attention_args {
            var args = call
            if batch > 1 { args.batch = Int64(rows) } else { args.tq = Int64(rows) }
            return args
        }
        var reads: [Int: StripKernel.Reads] = [0: StripKernel.sameRows]
        if keyRow > 0 { reads[key.operand] = StripKernel.sameRows }
        if valueRow > 0 { reads[value.operand] = StripKernel.sameRows }
        var strips = StripKernel(reads: reads) { arguments, rows, _ in
            let first = rows.lowerBound
            run(arguments, part(rows.count), query: first * queryRow, keys: first * keyRow, values: first * valueRow, result: first * resultRow)
        }
        if batch == 1 { strips.rowStep = Int(dd_attention_query_step(&template)) }
        strips.scratchByteCount = { rows, _ in
            var args = part(rows)
            return Int(dd_attention_scratch_bytes(&args, threads))
        }
        kernel.strips = strips
        return kernel
    }
}
