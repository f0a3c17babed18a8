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
        return Kernel(
            String(cString: dd_attention_variant(template.precision)),
            scratchByteCount: Int(dd_attention_scratch_bytes(&template, Int32(context.threadCount))), inPlaceOperands: packing == .queryKeyValue ? [] : [0]
        ) { arguments in
            var args = call
            args.q = UnsafeRawPointer(arguments.operands[0])
            args.k = UnsafeRawPointer(arguments.operands[key.operand] + keyOffset)
            args.v = UnsafeRawPointer(arguments.operands[value.operand] + valueOffset)
            args.y = arguments.results[0]
            dd_attention(arguments.pool.handle, &args, arguments.scratch)
        }
    }
}
