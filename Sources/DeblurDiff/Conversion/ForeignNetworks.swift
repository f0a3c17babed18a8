import Checkpoints
import Files

/// Checkpoints of networks that look like these and are others.
enum ForeignNetworks {
    private struct Kind: Sendable {
        var hasName: @Sendable (String) -> Bool
        var what: String
        var advice: String?
    }

    private static let kinds = [
        Kind(
            hasName: { $0.contains("pixel_attentions.") || $0.contains(".attn2_plus.") || $0.contains(".proj_in_plus.") },
            what: "has PASD's pixel-aware cross attention, which is not among the networks here", advice: nil),
        Kind(
            hasName: { name in ["down_blocks.", "up_blocks.", "controlnet_down_blocks.", "controlnet_cond_embedding."].contains { name.hasPrefix($0) } },
            what: "is in the layout of diffusers", advice: "Take the checkpoint in its authors' layout: 'model.diffusion_model...', 'control_model...'."),
        Kind(
            hasName: { $0.hasPrefix("cond_stage_model.transformer.") },
            what: "has the text encoder of Stable Diffusion 1, which is not among the networks here", advice: "Take a model of Stable Diffusion 2."),
        Kind(
            hasName: { $0.hasPrefix("conditioner.embedders.") }, what: "is a Stable Diffusion XL, whose networks are others",
            advice: "Take a model of Stable Diffusion 2."),
    ]

    /// - Throws: an `InputError` that says whose networks they are.
    static func refuse(_ source: any CheckpointSource) throws {
        for kind in kinds {
            guard let name = source.names.first(where: kind.hasName) else { continue }
            throw InputError("\(kind.what) (it has '\(name)')", at: source.paths.first, advice: kind.advice)
        }
    }
}
