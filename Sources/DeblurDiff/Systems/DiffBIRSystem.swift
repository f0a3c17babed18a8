import Operators

/// DiffBIR, v2 and v2.1: the control network reads the noisy latent and that of the photograph, which another network may have cleaned before (``Cleaner``).
struct DiffBIRSystem: SystemDesign {
    let title = "DiffBIR"
    let condition = PhotographCondition.meanLatent
    let startsFromCondition = true

    let hintWords = "the latent's channels"

    func hintChannels(latent: Int) -> Int { latent }

    var released: ModelConfiguration {
        var result = ModelConfiguration.released.withoutLKPN(as: .diffBIR)
        result.colorCorrection = .wavelet
        result.leastSide = 512
        return result
    }

    func control(_ step: inout StepBuilder) throws -> ControlInputs {
        ControlInputs(inputs: step.with(try step.b.apply(Concat(axis: 1), step.z, step.image, name: "control_net.x")))
    }
}
