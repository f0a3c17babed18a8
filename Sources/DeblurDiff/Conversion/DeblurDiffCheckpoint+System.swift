import Files

extension DeblurDiffCheckpoint {
    /// The system that the weights are of, as names and the control network's first convolution tell.
    ///
    /// - Throws: an `InputError` for a control network that reads what no system here has.
    public func system() throws -> RestorationSystem {
        if names.contains(where: { $0.hasPrefix("kpn.unet.") }) { return .deblurDiff }
        if names.contains(where: { $0.hasPrefix("controlnet.input_hint_block.") }) { return .controlNet }
        func inputs(_ network: String) -> Int? {
            guard let shape = type(of: "\(network).input_blocks.0.0.weight")?.shape, shape.rank == 4 else { return nil }
            return shape[1]
        }
        guard let latent = inputs("unet"), let control = inputs("controlnet") else { return .deblurDiff }
        let hint = control - latent
        switch RestorationSystem.allCases.first(where: { $0.design.condition != .pixels && $0.design.hintChannels(latent: latent) == hint }) {
        case .deblurDiff?:
            throw InputError(
                "has DeblurDiff's control network, but there is no LKPN", at: paths.joined(separator: ", "), advice: "Pass that as `lkpn`.")
        case let system?: return system
        case nil:
            throw InputError(
                "has a control network that reads \(hint) channels beside the latent's \(latent), as none of the systems here does",
                at: paths.joined(separator: ", "),
                advice: "Known: " + RestorationSystem.allCases.map { "\($0.title) (\($0.design.hintChannels(latent: latent)))" }.joined(separator: ", ") + ".")
        }
    }
}
