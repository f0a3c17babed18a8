import Tensors

extension Tensor {
    /// Whether no number of a float32 tensor is infinite or NaN, or so large that sums of squares, which norms take, would become infinite.
    var isSound: Bool {
        // A maximum of integers is taken many at a time; infinity and NaN have the largest exponent.
        let largest = floats.reduce(UInt32(0)) { max($0, $1.bitPattern & 0x7fff_ffff) }
        withExtendedLifetime(self) {}
        return largest < (1e15 as Float).bitPattern
    }
}

extension Restorer {
    /// Ends a restoration whose numbers are infinite or NaN or about to be: no picture can come of them.
    func requireFinite(_ tensor: Tensor, _ stage: @autoclosure () -> String) throws {
        guard !tensor.isSound else { return }
        var causes: [String] = []
        if isGuided { causes.append("--cfg-scale \(options.guidanceScale)") }
        if options.strength != 1 { causes.append("--strength \(options.strength)") }
        if let guidance = options.restorationGuidance { causes.append("--g-scale \(guidance.scale)") }
        let suspicion = causes.isEmpty ? "" : "Try again without \(causes.joined(separator: " and ")). "
        throw InputError(
            "\(stage()) gave numbers that are infinite or NaN, or too large to compute with", at: model.file.path,
            advice: suspicion + "The model may be damaged ('deblurdiff verify' tells), or its weights are too large for float32.")
    }
}

extension DenoisingStep {
    /// Which network of a step put out infinite or NaN numbers, if all before it did not.
    static func network(thatFailedIn stages: [(name: String, tensor: Tensor)]?) -> String {
        guard let stages else { return "one of the three networks" }
        return switch stages.first(where: { !$0.tensor.isSound })?.name {
        case nil: "the denoiser (UNet)"
        case "lkpn_kernel": "the kernel prediction network (LKPN)"
        case "eac": "the adaptive convolution (EAC)"
        default: "the control network (ControlNet)"
        }
    }
}
