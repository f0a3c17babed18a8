/// A part of the denoising step that is left out, to see what it is for: the rows of the paper's table 2, as `Tools/train --without` trains them.
///
/// A model that was trained with everything is not what the paper measured there; train one to compare.
public enum Ablation: String, CaseIterable, Hashable, Sendable {
    /// The blurred image's latent is the guidance, and the LKPN does not run ("ControlNet").
    case lkpn
    /// The LKPN predicts the guidance itself ("w/o EAC"): the first number of each channel's kernel is what it has beyond the blurred image's latent.
    case eac
    /// The LKPN sees zeros in place of the noisy latent ("w/o SD for LKPN"); it is still told the timestep.
    case feedback
}
