import Files

/// ControlNet with a picture of the same size as the result: convolutions take it down to the latent's size, and it is added to what the control network's first convolution makes of
/// the noisy latent.
struct ControlNetSystem: SystemDesign {
    let title = "ControlNet"
    let condition = PhotographCondition.pixels

    let hintWords = "red, green and blue"

    func hintChannels(latent: Int) -> Int { 3 }

    var released: ModelConfiguration {
        var result = ModelConfiguration.released.withoutLKPN(as: .controlNet)
        result.colorCorrection = .none
        return result
    }

    func validate(_ configuration: ModelConfiguration) throws {
        try requireNoLKPN(configuration)
        guard configuration.latentFactor == 8 else {
            throw InputError("makes latents of 1/\(configuration.latentFactor), but the hint's convolutions make 1/8 of a side", at: "vae_cfg.ddconfig.ch_mult")
        }
    }

    func control(_ step: inout StepBuilder) throws -> ControlInputs {
        ControlInputs(inputs: step.with(step.z).merging(["hint": step.image]) { $1 })
    }
}
