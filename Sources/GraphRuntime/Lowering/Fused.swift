import CKernels
import Files
import GraphIR
import Operators
import Tensors

/// A product's precision as the kernels name it.
extension RuntimeOptions {
    var gemmPrecision: dd_precision { precision.gemm }
    var attentionPrecision: dd_precision { precision.attention }
}

extension Activation? {
    var gemmActivation: dd_activation {
        switch self {
        case nil: DD_ACTIVATION_NONE
        case .silu: DD_ACTIVATION_SILU
        case .gelu: DD_ACTIVATION_GELU
        case .geglu: DD_ACTIVATION_GEGLU
        }
    }
}

extension LoweringContext {
    /// The key of an operand that must be a parameter for its arrangement to be made.
    func requiredKey(_ index: Int, _ role: String) throws -> String {
        guard let key = parameterKeys[index] else { throw InputError("the \(role) must be a parameter of the model") }
        return key
    }

    /// What memory holds of an f32 operand.
    func elementType(ofOperand index: Int) -> dd_element { narrowOperands.contains(index) ? DD_BF16 : DD_F32 }
}

extension Linear: NarrowStorageOp {
    func narrowStorage(_ context: LoweringContext) -> (operands: Set<Int>, result: Bool) {
        let roles = roles(count: context.operands.count)
        guard runsFused(context) else { return ([], false) }
        // Operands stay float32: int16 keeps more of them than bfloat16 would.
        return ([], !roles.contains(.residual) && activation == nil && moments != true)
    }

    /// A product with packed weights, and all that is folded into it.
    func lowerFused(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands.count
        let x = context.operands[index(of: .input, count: count)!]
        let weights = indices(of: .weight, count: count)
        let keys = try weights.map { try context.requiredKey($0, "weight") }
        let k = x.shape[-1]
        let n = weights.reduce(0) { $0 + context.operands[$1].shape[0] }
        let rows = k == 0 ? 0 : x.elementCount / k
        let precision = context.options.gemmPrecision
        let pool = context.options.pool

        let form = activation == .geglu ? "geglu" : "rows"
        let packed = try context.parameters.arrangement(
            "gemm \(form) \(precision.rawValue) \(keys.joined(separator: " "))",
            byteCount: Int(dd_gemm_packed_bytes(precision, Int64(n), Int64(k))), of: keys
        ) { memory in
            var row = 0
            for key in keys {
                let weight = try context.parameters.stored(key)
                let type = weight.type.elementType.kernelType
                let height = weight.shape[0]
                withExtendedLifetime(weight) {
                    if activation == .geglu {
                        dd_gemm_pack_geglu(
                            pool.handle, precision, memory, weight.bytes.baseAddress, type, Int64(height), Int64(k), Int64(k))
                    } else {
                        dd_gemm_pack_rows(
                            pool.handle, precision, memory, Int64(row), weight.bytes.baseAddress, type, Int64(height), Int64(k), Int64(k))
                    }
                }
                row += height
            }
        }
        let biases = indices(of: .bias, count: count)
        var prepared = Set(weights)
        var joinedBias: Storage?
        if biases.count > 1 {
            let biasKeys = try biases.map { try context.requiredKey($0, "bias") }
            joinedBias = try context.parameters.arrangement("joined \(biasKeys.joined(separator: " "))", byteCount: n * 4, of: biasKeys) {
                var target = $0.assumingMemoryBound(to: Float.self)
                for key in biasKeys {
                    let bias = try context.parameters.float32(key)
                    target.update(from: bias.floats.baseAddress!, count: bias.type.elementCount)
                    target += bias.type.elementCount
                    withExtendedLifetime(bias) {}
                }
            }
            prepared.formUnion(biases)
        }

        var template = dd_gemm_args()
        template.m = Int64(rows)
        template.n = Int64(n)
        template.k = Int64(k)
        template.precision = precision
        template.lda = Int64(k)
        template.a_type = context.elementType(ofOperand: index(of: .input, count: count)!)
        template.y_type = context.narrowResult ? DD_BF16 : DD_F32
        template.ldy = Int64(context.results[0].shape[-1])
        template.ld_residual = template.ldy
        template.activation = activation.gemmActivation
        template.prologue_activation = prologue.gemmActivation
        let (input, residual) = (index(of: .input, count: count)!, index(of: .residual, count: count))
        let rowNorm = (scale: index(of: .rowScale, count: count), bias: index(of: .rowBias, count: count))
        let norm = (scale: index(of: .normScale, count: count), shift: index(of: .normShift, count: count))
        if rowNorm.scale != nil || rowNorm.bias != nil || epsilon != nil {
            template.prologue = DD_GEMM_PROLOGUE_LAYER_NORM
            template.epsilon = epsilon ?? 1e-5
        } else if norm.scale != nil || prologue != nil {
            template.prologue = DD_GEMM_PROLOGUE_SCALE_SHIFT
            template.column_group_rows = Int64(x.shape[0] == 0 ? 0 : rows / x.shape[0])
        }
        let takesMoments = moments == true
        if takesMoments { template.moments_rows = Int64(x.shape[1]) }
        let bias = biases.count == 1 ? biases[0] : nil
        let columns = (scale: rowNorm.scale ?? norm.scale, shift: rowNorm.bias ?? norm.shift)
        let arguments = { (call: KernelArguments?) -> dd_gemm_args in
            // Without a call only what is there matters: memory is planned before there is any.
            func pointer(_ index: Int?) -> UnsafePointer<Float>? {
                index.map { call?.input($0) ?? UnsafePointer(packed.bytes.baseAddress!.assumingMemoryBound(to: Float.self)) }
            }
            var args = template
            args.w_packed = UnsafeRawPointer(packed.bytes.baseAddress)
            args.a = UnsafeRawPointer(pointer(input))
            args.bias = pointer(bias) ?? joinedBias.map { UnsafePointer($0.bytes.baseAddress!.assumingMemoryBound(to: Float.self)) }
            args.residual = pointer(residual)
            args.column_scale = pointer(columns.scale)
            args.column_shift = pointer(columns.shift)
            args.y = call.map { UnsafeMutableRawPointer($0.output()) } ?? packed.bytes.baseAddress
            if takesMoments { args.moments = call?.output(1) ?? packed.bytes.baseAddress!.assumingMemoryBound(to: Float.self) }
            return args
        }
        var planned = arguments(nil)
        let scratch = Int(dd_gemm_scratch_bytes(&planned, Int32(context.threadCount)))
        return Kernel(
            String(cString: dd_gemm_variant(precision)), scratchByteCount: scratch, inPlaceOperands: [residual].compactMap { $0 },
            preparedOperands: prepared
        ) { call in
            var args = arguments(call)
            dd_gemm(call.pool.handle, &args, call.scratch)
        }
    }
}

extension Conv2D {
    /// A convolution of channels-last images with packed weights, and all that is folded into it.
    func lowerFused(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands.count
        func place(_ role: Operand) -> Int? { index(of: role, count: count) }
        func type(_ role: Operand) -> TensorType? { place(role).map { context.operands[$0] } }
        let (x, weight) = (type(.input)!, type(.weight)!.shape)
        let noKernel = InputError("there is no kernel for a convolution with these attributes: \(attributes)")
        guard hasChannelsLastKernel else { throw noKernel }
        let key = try context.requiredKey(place(.weight)!, "weight")

        var template = dd_conv_args()
        (template.batch, template.height, template.width) = (Int64(x.shape[0]), Int64(x.shape[2]), Int64(x.shape[3]))
        (template.cin0, template.cin1) = (Int64(x.shape[1]), Int64(type(.secondInput)?.shape[1] ?? 0))
        (template.cout, template.kh, template.kw) = (Int64(weight[0]), Int64(weight[2]), Int64(weight[3]))
        template.stride = Int64(stride[0])
        (template.pad_top, template.pad_left, template.pad_bottom, template.pad_right) =
            (Int64(padding[0]), Int64(padding[1]), Int64(padding[2]), Int64(padding[3]))
        template.silu = prologue == .silu ? 1 : 0
        template.activation = activation == .silu ? DD_CONV_ACTIVATION_SILU : DD_CONV_ACTIVATION_NONE
        template.channel_add_per_image = (type(.channelAddend)?.shape[0] ?? 1) > 1 ? 1 : 0

        let choice =
            upsampling == 2
            ? KernelChooser.Choice(kind: DD_CONV_UPSAMPLE_3X3, reason: "nothing else computes it")
            : context.options.chooser.convolution(template, options: context.options)
        let kind = choice.kind
        let precision = dd_conv_precision_of(kind, context.options.precision.conv, template.cin0 + template.cin1)
        guard dd_conv_check(kind, &template) == Int32(DD_CONV_OK) else { throw noKernel }
        let channels = template.cin0 + template.cin1
        let packed = try context.parameters.arrangement(
            "conv \(kind.rawValue) \(precision.rawValue) \(inputChannels ?? []) \(key)",
            byteCount: dd_conv_packed_bytes(kind, precision, template.cout, channels, template.kh, template.kw), of: [key]
        ) { memory in
            let stored = try context.parameters.stored(key)
            let weightType: dd_conv_weight_type? =
                switch stored.type.elementType {
                case .float32: DD_CONV_WEIGHT_FLOAT32
                case .float16: DD_CONV_WEIGHT_FLOAT16
                case .bfloat16: DD_CONV_WEIGHT_BFLOAT16
                default: nil
                }
            var tensor = weightType == nil ? try context.parameters.float32(key) : stored
            if let inputChannels { tensor = try sliced(tensor, inputChannels) }
            let status = dd_conv_pack(
                context.options.pool.handle, kind, precision, memory, tensor.bytes.baseAddress, weightType ?? DD_CONV_WEIGHT_FLOAT32,
                template.cout, channels, template.kh, template.kw)
            precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
            withExtendedLifetime(tensor) {}
        }
        let takesMoments = moments == true
        let places = (
            x0: place(.input)!, x1: place(.secondInput), x0Add: place(.inputAddend), x1Add: place(.secondInputAddend),
            scale: place(.normScale), shift: place(.normShift), bias: place(.bias), channelAdd: place(.channelAddend),
            residual: place(.residual)
        )
        let arguments = { (call: KernelArguments?) -> dd_conv_args in
            func pointer(_ index: Int?) -> UnsafePointer<Float>? {
                index.map { call?.input($0) ?? UnsafePointer(packed.bytes.baseAddress!.assumingMemoryBound(to: Float.self)) }
            }
            var args = template
            (args.x0, args.x1) = (pointer(places.x0), pointer(places.x1))
            (args.x0_add, args.x1_add) = (pointer(places.x0Add), pointer(places.x1Add))
            (args.scale, args.shift) = (pointer(places.scale), pointer(places.shift))
            (args.bias, args.channel_add, args.residual) = (pointer(places.bias), pointer(places.channelAdd), pointer(places.residual))
            args.y = call?.output() ?? packed.bytes.baseAddress!.assumingMemoryBound(to: Float.self)
            if takesMoments { args.moments = call?.output(1) ?? packed.bytes.baseAddress!.assumingMemoryBound(to: Float.self) }
            return args
        }
        var planned = arguments(nil)
        let scratch = Int(dd_conv_scratch_bytes(kind, precision, &planned, Int32(context.threadCount)))
        return Kernel(
            "conv \(kind.label) \(precision.label)", choice: choice.reason, scratchByteCount: scratch,
            inPlaceOperands: [places.residual].compactMap { $0 }, preparedOperands: [place(.weight)!]
        ) { call in
            var args = arguments(call)
            let status = dd_conv(call.pool.handle, kind, precision, &args, packed.bytes.baseAddress, call.scratch)
            precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
        }
    }
}

/// Some of the input channels of a weight [O, C, kh, kw], given as pairs of bounds.
private func sliced(_ weight: Tensor, _ bounds: [Int]) throws -> Tensor {
    let ranges = stride(from: 0, to: bounds.count, by: 2).map { bounds[$0]..<bounds[$0 + 1] }
    let (outputs, channels) = (weight.shape[0], weight.shape[1])
    let kernelBytes = weight.shape[2] * weight.shape[3] * weight.type.elementType.byteSize
    let kept = ranges.reduce(0) { $0 + $1.count }
    let result = Tensor(TensorType(weight.type.elementType, [outputs, kept, weight.shape[2], weight.shape[3]]))
    var target = result.bytes.baseAddress!
    for output in 0..<outputs {
        for range in ranges {
            let source = weight.bytes.baseAddress! + (output * channels + range.lowerBound) * kernelBytes
            target.copyMemory(from: source, byteCount: range.count * kernelBytes)
            target += range.count * kernelBytes
        }
    }
    withExtendedLifetime((weight, result)) {}
    return result
}

extension dd_conv_precision {
    var label: String {
        switch self {
        case DD_CONV_INT16: "int16"
        default: "float32"
        }
    }
}

extension dd_conv_kind {
    var label: String {
        switch self {
        case DD_CONV_WINOGRAD_F2: "winograd_f2"
        case DD_CONV_WINOGRAD_F2_PLAIN: "winograd_f2_plain"
        case DD_CONV_WINOGRAD_F4: "winograd_f4"
        case DD_CONV_WINOGRAD_F4_PLAIN: "winograd_f4_plain"
        case DD_CONV_WINOGRAD_F6: "winograd_f6"
        case DD_CONV_WINOGRAD_STRIDE_2: "winograd_stride_2"
        case DD_CONV_UPSAMPLE_3X3: "upsample_3x3"
        default: "direct"
        }
    }
}

extension Attention: NarrowStorageOp {
    func narrowStorage(_ context: LoweringContext) -> (operands: Set<Int>, result: Bool) {
        (context.options.attentionPrecision == DD_PRECISION_BFLOAT16 ? Set(context.operands.indices) : [], true)
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
        template.precision = context.options.attentionPrecision
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
        let scratch = Int(dd_attention_scratch_bytes(&template, Int32(context.threadCount)))
        return Kernel(
            String(cString: dd_attention_variant(template.precision)), scratchByteCount: scratch, inPlaceOperands: packing == .queryKeyValue ? [] : [0]
        ) { call in
            var args = template
            args.q = UnsafeRawPointer(call.operands[0])
            args.k = UnsafeRawPointer(call.operands[key.operand] + keyOffset)
            args.v = UnsafeRawPointer(call.operands[value.operand] + valueOffset)
            args.y = call.results[0]
            dd_attention(call.pool.handle, &args, call.scratch)
        }
    }
}
