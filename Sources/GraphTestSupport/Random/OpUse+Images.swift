import GraphIR
import Operators
import Tensors

extension OpUse {
    /// What reads or makes images; those of other ranks are refused by inference.
    static func images(_ type: TensorType) -> [OpUse] {
        guard type.shape.rank >= 3 else { return [] }
        let shape = type.shape
        let (n, c) = (shape[0], shape[1])
        var uses: [OpUse] = []
        for groups in Set([1, 2, c]) {
            for activation in [nil, GroupNorm.Activation.silu] {
                uses.append(
                    OpUse(GroupNorm(groups: groups, epsilon: 1e-2, activation: activation), [.subject, .parameter("weight", [c]), .parameter("bias", [c])]))
            }
        }
        let rank = shape.rank - 2
        func each(_ value: Int) -> [Int] { Array(repeating: value, count: rank) }
        uses += [
            OpUse(
                Convolution(strides: each(1), padding: each(1) + each(1), dilations: each(1)),
                [.subject, .parameter("weight", Shape([6, c] + each(3))), .parameter("bias", [6])]),
            OpUse(
                Convolution(strides: each(2), padding: each(1) + each(0), dilations: each(1), groups: c),
                [.subject, .parameter("weight", Shape([c, 1] + each(2)))]),
            OpUse(
                ConvTranspose(strides: each(2), padding: each(0) + each(1), dilations: each(1), outputPadding: each(0)),
                [.subject, .parameter("weight", Shape([c, 4] + each(2))), .parameter("bias", [4])]),
            OpUse(Pool(.average, kernelSize: each(2), strides: each(1), padding: each(0) + each(1), dilations: each(1))),
            OpUse(Pool(.max, kernelSize: each(2), strides: each(2), padding: each(0) + each(0), dilations: each(1))),
            OpUse(Pool(.max, kernelSize: each(3), strides: each(1), padding: each(1) + each(1), dilations: each(1), ceilMode: true)),
            OpUse(Pool(.lp, kernelSize: each(2), strides: each(1), padding: each(0) + each(0), dilations: each(1)), sensitive: true),
        ]
        var indexed = Pool(.max, kernelSize: each(2), strides: each(1), padding: each(0) + each(0), dilations: each(1))
        indexed.indices = true
        uses.append(OpUse(indexed, sensitive: true))
        guard shape.rank == 4 else { return uses }
        return uses + convolutions(type) + resizes(type) + windows(type)
            + [
                OpUse(GroupStatistics(groups: 1, epsilon: 1e-2), [.subject, .parameter("weight", [c]), .parameter("bias", [c])]),
                OpUse(
                    GroupNormGradient(groups: 1, epsilon: 1e-2), [.subject, .parameter("weight", [c]), .parameter("bias", [c]), .value(type)]),
                OpUse(
                    GroupNormGradient(groups: c, epsilon: 1e-2, activation: .silu),
                    [.value(type), .parameter("weight", [c]), .parameter("bias", [c]), .subject]),
                OpUse(
                    ConvTranspose(strides: [1, 1], padding: [1, 0, 2, 1], dilations: [1, 1], outputPadding: [0, 0]),
                    [.subject, .parameter("weight", [c, 4, 3, 2]), .parameter("bias", [4])]),
                OpUse(Unfold(kernelSize: [3, 3])), OpUse(Unfold(kernelSize: [1, 3])), OpUse(TokensFromImage()),
                OpUse(ImageFromTokens(), [.value(TensorType(.float32, [n, shape[2] * shape[3], 7])), .subject]),
            ]
            + [false, true].map { residual in
                OpUse(
                    ElementWiseAdaptiveConvolution(kernelSize: 3, residual: residual),
                    [.subject, .value(TensorType(.float32, [n, 9 * c, shape[2], shape[3]], layout: type.layout))])
            }
    }

    private static func convolutions(_ type: TensorType) -> [OpUse] {
        let c = type.shape[1]
        var uses: [OpUse] = []
        func add(_ outputs: Int, _ kernel: [Int], bias: Bool = true, computed: Bool = false, groups: Int = 1, _ set: (inout Conv2D) -> Void = { _ in }) {
            var op = Conv2D(padding: [kernel[0] / 2, kernel[1] / 2, kernel[0] / 2, kernel[1] / 2])
            if groups > 1 { op.groups = groups }
            set(&op)
            let weight: Shape = [outputs, max(1, c / groups), kernel[0], kernel[1]]
            let operands: [Operand] = [.subject, computed ? .value(TensorType(.float32, weight)) : .parameter("weight", weight)]
            uses.append(OpUse(op, operands + (bias ? [.parameter("bias", [outputs])] : [])))
        }
        for outputs in [1, 4, 16, 33] {
            add(outputs, [1, 1])
            add(outputs, [3, 3], bias: outputs > 4)
        }
        add(8, [1, 3])
        add(8, [5, 2])
        for stride in [[2, 2], [1, 2], [2, 1]] { for outputs in [1, 8] { add(outputs, [3, 3]) { $0.stride = stride } } }
        for dilation in [[2, 2], [1, 2]] { for outputs in [1, 8] { add(outputs, [3, 3]) { ($0.dilation, $0.padding) = (dilation, [2, 2, 2, 2]) } } }
        add(8, [3, 3]) { $0.padding = [0, 1, 2, 0] }
        add(8, [3, 3]) { $0.padding = [3, 3, 3, 3] }
        for groups in Set([2, c]) where groups > 1 && c % groups == 0 { add(2 * groups, [3, 3], groups: groups) }
        add(4, [3, 3], computed: true)
        add(1, [1, 1], bias: false, computed: true)

        // With what passes fold into them.
        let result = TensorType(.float32, [type.shape[0], 8, type.shape[2], type.shape[3]], layout: type.layout)
        func fused(
            _ prologue: [PrologueStep] = [], _ read: [Operand] = [], _ epilogue: [EpilogueStep] = [], _ added: [Operand] = [], kernel: Int = 3,
            upsampling: Int? = nil
        ) {
            var op = Conv2D(padding: Array(repeating: kernel / 2, count: 4))
            (op.prologue, op.upsampling) = (prologue.isEmpty ? nil : prologue, upsampling)
            if !epilogue.isEmpty { op.epilogue = [.addBias] + epilogue }
            uses.append(OpUse(op, [.subject] + read + [.parameter("weight", [8, c, kernel, kernel]), .parameter("bias", [8])] + added))
        }
        for layout in [Layout.rowMajor, .channelsLast] {
            var residual = result
            residual.layout = layout
            fused([], [], [.addResidual], [.value(residual)])
            fused([], [], [.silu, .addResidual], [.value(residual)], kernel: 1)
        }
        fused([.scaleShift, .silu], [.value(TensorType(.float32, [type.shape[0], c])), .value(TensorType(.float32, [type.shape[0], c]))])
        fused([], [], [.addPerChannel], [.value(TensorType(.float32, [1, 8]))])
        fused([.add], [.value(type)])
        fused(upsampling: 2)
        fused([], [], [.takeMoments])
        return uses
    }

    private static func resizes(_ type: TensorType) -> [OpUse] {
        let shape = type.shape
        var uses = [UpsampleNearest(factor: 1), UpsampleNearest(factor: 2), UpsampleNearest(factor: 3)].map { OpUse($0) }
        for (height, width) in [(2 * shape[2], 2 * shape[3]), (shape[2], 2 * shape[3]), (max(1, shape[2] / 2), shape[3] + 1)] {
            for mode in Resize.Mode.allCases {
                let scales = [1, 1, Double(height) / Double(shape[2]), Double(width) / Double(shape[3])]
                var op = Resize(mode, sizes: [shape[0], shape[1], height, width], scales: scales, coordinates: mode == .nearest ? .asymmetric : .halfPixel)
                if mode == .nearest { op.nearestMode = .floor }
                uses.append(OpUse(op))
            }
        }
        return uses
    }

    private static func windows(_ type: TensorType) -> [OpUse] {
        [3, 4, 64].flatMap { size in
            let partition = WindowPartition(size: size)
            guard var windows = (try? partition.inferTypes([type]))?.first else { return [] as [OpUse] }
            windows.shape[1] = 5
            return [OpUse(partition), OpUse(WindowMerge(size: size), [.value(windows), .subject])]
        }
    }

    /// What reads tokens.
    static func tokens(_ type: TensorType) -> [OpUse] {
        guard type.shape.rank == 3 else { return [] }
        let (n, t, c) = (type.shape[0], type.shape[1], type.shape[2])
        var uses: [OpUse] = []
        for head in [c, c / 2] where head > 0 && c % head == 0 {
            let keys = TensorType(.float32, [1, 5, c])
            uses += [
                OpUse(Attention(headSize: head, scale: 0.3), [.subject, .value(keys), .value(keys)]),
                OpUse(Attention(headSize: head, scale: 0.3, causal: true), [.subject, .value(type), .value(type)]),
                OpUse(Attention(headSize: head, scale: 0.3, packing: .keyValue), [.subject, .value(TensorType(.float32, [n, 4, 2 * c]))]),
            ]
        }
        if c % 3 == 0 { uses.append(OpUse(Attention(headSize: c / 3, scale: 0.3, packing: .queryKeyValue))) }
        for width in [1, 2, 4] where t % width == 0 {
            for layout in [Layout.rowMajor, .channelsLast] {
                uses.append(OpUse(ImageFromTokens(), [.subject, .value(TensorType(.float32, [n, 3, t / width, width], layout: layout))]))
            }
        }
        return uses
    }
}
