import Files
import GraphIR
import Operators
import Tensors

/// DeblurDiff: the latent kernel prediction network (LKPN) sees the blurred and the noisy latent and predicts a kernel for each position, the element-wise adaptive convolution
/// (EAC) filters the blurred latent with them, and the control network reads both.
struct DeblurDiffSystem: SystemDesign {
    let title = "DeblurDiff"
    let condition = PhotographCondition.drawnLatent
    let encodesSigned = false
    let ownGraphs = ["lkpn", "eac"]
    let parts = Set(Ablation.allCases)
    let released = ModelConfiguration.released

    let hintWords = "twice the latent's channels"

    func hintChannels(latent: Int) -> Int { 2 * latent }

    /// Windows of 64, 32, 16, 8 ... positions: each level sees the same part of the image, 512 pixels at the released sizes. The control network's have 64 positions on each level.
    var windows: TransformerWindows? { TransformerWindows(denoiser: Self.shrinkingWindows, controlNet: { _ in 64 }) }

    private static let shrinkingWindows: @Sendable (Int) -> Int = { max(1, 64 >> $0) }

    func validate(_ configuration: ModelConfiguration) throws {
        guard let lkpn = configuration.lkpn, let size = configuration.kernelSize else { throw InputError("is missing", at: "lkpn_cfg") }
        let latent = configuration.latentChannels
        try lkpn.validate("lkpn_cfg")
        try checkSize(size, in: 1...31, "lkpn_cfg.kernel_size")
        guard size % 2 == 1 else { throw InputError("is \(size), but must be odd", at: "lkpn_cfg.kernel_size") }
        try requireSize(lkpn.inChannels, equals: 2 * latent, "lkpn_cfg.in_channels", "twice the latent's channels")
        try requireSize(lkpn.outChannels, equals: latent * size * size, "lkpn_cfg.out_channels", "a kernel for each latent channel")
        try requireSize(lkpn.hintChannels, equals: 0, "lkpn_cfg.hint_channels", "none")
        try requireSize(lkpn.contextDimension, equals: configuration.textEncoder.width, "lkpn_cfg.context_dim", "the text encoder's width")
    }

    func graph(_ name: String, _ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        name == "lkpn" ? try lkpn(configuration, h: h, w: w) : try adaptiveConvolution(configuration, h: h, w: w)
    }

    /// `x` = blurred and noisy latent [1, 2 z, h, w], `timestep` [1], `context` to `kernel` [1, z k k, h, w].
    private func lkpn(_ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        guard let sizes = configuration.lkpn else { preconditionFailure("no LKPN") }
        var b = NetworkBuilder(name: "lkpn", prefix: "kpn.unet.")
        let (x, timestep, context) = DeblurDiffArchitecture.inputs(&b, configuration, sizes.inputChannels, h, w)
        let unet = UNetArchitecture(configuration: sizes, windowSize: Self.shrinkingWindows)
        b.graph.output("kernel", try unet.denoiser(&b, x, timestep: timestep, context: context, controls: []))
        return b.graph.graph
    }

    /// `c_img` [1, z, h, w] and `kernel` to `eac`: unfold, multiply, sum, and the residual.
    private func adaptiveConvolution(_ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        guard let k = configuration.kernelSize else { preconditionFailure("no LKPN") }
        var b = GraphBuilder(name: "eac")
        let z = configuration.latentChannels
        let image = b.input("c_img", TensorType(.float32, [1, z, h, w]))
        let kernel = b.input("kernel", TensorType(.float32, [1, z * k * k, h, w]))
        let neighbours = try b.apply(Unfold(kernelSize: [k, k]), image)
        let kernels = try b.apply(Unflatten(axis: 1, sizes: [-1, k * k]), kernel)
        let sum = try b.apply(ReduceSum(axis: 2), b.apply(Multiply(), neighbours, kernels))
        b.output("eac", try b.apply(Add(), sum, image))
        return b.graph
    }

    func ownOutputs(without: Set<Ablation>) -> [String] { without.contains(.lkpn) ? [] : ["lkpn_kernel", "eac"] }

    func control(_ step: inout StepBuilder) throws -> ControlInputs {
        var (eac, outputs) = (step.image, [String: ValueID]())
        if !step.without.contains(.lkpn) {
            let seen = step.without.contains(.feedback) ? try step.b.apply(Scale(factor: 0), step.image, name: "lkpn.nothing") : step.z
            let kernel = try step.network("lkpn", step.with(step.b.apply(Concat(axis: 1), step.image, seen, name: "lkpn.x")))["kernel"]!
            if step.without.contains(.eac) {
                let taps = step.b.type(kernel).shape[1] / step.b.type(step.image).shape[1]
                let kernels = try step.b.apply(Unflatten(axis: 1, sizes: [-1, taps]), kernel)
                let first = taps == 1 ? kernels : try step.b.apply(Split(axis: 2, sizes: [1, taps - 1]), [kernels], name: "lkpn.first")[0]
                eac = try step.b.apply(Add(), step.b.apply(ReduceSum(axis: 2), first), step.image, name: "lkpn.guidance")
            } else {
                eac = try step.network("eac", ["c_img": step.image, "kernel": kernel])["eac"]!
            }
            outputs = ["lkpn_kernel": kernel, "eac": eac]
        }
        let x = try step.b.apply(Concat(axis: 1), step.z, step.image, eac, name: "control_net.x")
        return ControlInputs(inputs: step.with(x), estimate: eac, outputs: outputs)
    }
}
