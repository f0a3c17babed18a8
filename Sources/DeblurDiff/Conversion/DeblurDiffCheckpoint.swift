import Checkpoints
import Files
import Tensors

/// All weights of a DeblurDiff model, or of another ``RestorationSystem``, under the released names (`unet.`, `kpn.unet.`, `vae.`, `clip.model.`, `controlnet.`), from one
/// combined checkpoint or from those that it was trained from.
///
/// What belongs to no network (a noise schedule, averaged weights, an optimizer's state) is set aside: ``ignoredNames``. What belongs to a network
/// must be known to it: ``check(expected:)``.
public final class DeblurDiffCheckpoint: CheckpointSource {
    public let paths: [String]
    public let names: [String]
    /// Names in the files that belong to no network, as they are written there. Worth a warning for a combined checkpoint, usual in the others.
    public let ignoredNames: [String]
    private let places: [String: (source: any CheckpointSource, name: String)]

    /// The prefix of each network in the combined form.
    static let prefixes = ["unet.", "kpn.unet.", "vae.", "clip.", "controlnet."]

    /// One checkpoint with all networks in it.
    ///
    /// - Throws: an `InputError` where it is one of the three parts instead.
    public convenience init(combined source: any CheckpointSource) throws {
        try ForeignNetworks.refuse(source)
        let names = Set(source.names.map(withoutModulePrefix))
        if names.contains(where: { $0.hasPrefix("model.diffusion_model.") }) {
            // ControlNet's own form has all in one.
            if names.contains(where: { $0.hasPrefix("control_model.") }) {
                try self.init(stableDiffusion: source, controlNet: source, lkpn: nil)
                return
            }
            throw InputError(
                "is a Stable Diffusion checkpoint, which lacks the control network", at: source.paths.first,
                advice: "Pass it as `stableDiffusion`, and the others as `controlNet` and, of a DeblurDiff, `lkpn`.")
        }
        guard names.contains(where: { name in DeblurDiffCheckpoint.prefixes.contains { name.hasPrefix($0) } }) else {
            throw InputError(
                "holds no network of DeblurDiff (it has \(examples(source.names)))", at: source.paths.first,
                advice: "The names of the released checkpoint start with \(DeblurDiffCheckpoint.prefixes.joined(separator: ", ")).")
        }
        try self.init(parts: [
            Part(source: source) { name in DeblurDiffCheckpoint.prefixes.contains { name.hasPrefix($0) } ? name : nil }
        ])
    }

    /// The sources: Stable Diffusion (as its authors publish it), the control network's state dict and, of a DeblurDiff, the LKPN's, the latter two with or
    /// without the prefixes that they have in the combined form. Stable Diffusion and the control network may be in one.
    ///
    /// - Throws: an `InputError` where one of them does not hold its network.
    public convenience init(stableDiffusion: any CheckpointSource, controlNet: any CheckpointSource, lkpn: (any CheckpointSource)?) throws {
        for source in [stableDiffusion, controlNet, lkpn] { try source.map(ForeignNetworks.refuse) }
        var parts = [
            Part(source: stableDiffusion, rename: DeblurDiffCheckpoint.combinedName(stableDiffusion:)),
            Part(source: controlNet, rename: renaming(controlNet, prefixes: ["controlnet.", "control_model."], to: "controlnet.")),
        ]
        if let lkpn { parts.append(Part(source: lkpn, rename: renaming(lkpn, prefixes: ["kpn.unet.", "unet."], to: "kpn.unet."))) }
        if controlNet === stableDiffusion {
            let rename = parts.map(\.rename)
            parts = [Part(source: stableDiffusion) { rename[0]($0) ?? rename[1]($0) }] + parts.dropFirst(2)
        }
        for (part, what) in zip(parts, ["Stable Diffusion", "the control network", "the LKPN"])
        where !part.source.names.contains(where: { part.rename(withoutModulePrefix($0)) != nil }) {
            throw InputError("does not hold \(what) (it has \(examples(part.source.names)))", at: part.source.paths.first)
        }
        try self.init(parts: parts)
    }

    private struct Part {
        let source: any CheckpointSource
        /// The combined name of a tensor, or nil where it belongs to no network.
        let rename: (String) -> String?
    }

    private init(parts: [Part]) throws {
        var names: [String] = []
        var ignored: [String] = []
        var places: [String: (source: any CheckpointSource, name: String)] = [:]
        for part in parts {
            for name in part.source.names {
                guard let combined = part.rename(withoutModulePrefix(name)) else {
                    ignored.append(name)
                    continue
                }
                if let other = places.updateValue((part.source, name), forKey: combined) {
                    throw InputError("'\(other.name)' and '\(name)' are both '\(combined)'", at: part.source.paths.first)
                }
                names.append(combined)
            }
        }
        self.names = names
        self.places = places
        ignoredNames = ignored
        paths = parts.flatMap(\.source.paths)
    }

    /// Where transformers project by 1 x 1 convolutions (`use_linear_in_transformer: false`), their weights count as those of the linear layers that compute the same.
    public func type(of name: String) -> TensorType? {
        guard let place = places[name], var type = place.source.type(of: place.name) else { return nil }
        let isProjection = !name.hasPrefix("vae.") && (name.hasSuffix(".proj_in.weight") || name.hasSuffix(".proj_out.weight"))
        if isProjection, type.shape.rank == 4, type.shape[2] == 1, type.shape[3] == 1 { type.shape = [type.shape[0], type.shape[1]] }
        return type
    }

    public func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let place = places[name] else { throw InputError("there is no such tensor in the checkpoint", at: name) }
        try place.source.forEachPiece(of: place.name, body)
    }

    private static func combinedName(stableDiffusion name: String) -> String? {
        let prefixes = [("model.diffusion_model.", "unet."), ("first_stage_model.", "vae."), ("cond_stage_model.", "clip.")]
        for (old, new) in prefixes where name.hasPrefix(old) { return new + name.dropFirst(old.count) }
        return nil
    }
}

/// Names get the combined prefix in place of the first of `prefixes` that any name in the source has. Without one, all names are the network's.
private func renaming(_ source: any CheckpointSource, prefixes: [String], to combined: String) -> (String) -> String? {
    let names = source.names.map(withoutModulePrefix)
    if let prefix = prefixes.first(where: { prefix in names.contains { $0.hasPrefix(prefix) } }) {
        return { name in name.hasPrefix(prefix) ? combined + name.dropFirst(prefix.count) : nil }
    }
    let own = ["time_embed.", "input_blocks.", "middle_block.", "middle_block_out.", "output_blocks.", "zero_convs.", "out."]
    return { name in own.contains { name.hasPrefix($0) } ? combined + name : nil }
}

/// Training on several devices puts this before every name.
private func withoutModulePrefix(_ name: String) -> String {
    name.hasPrefix("module.") ? String(name.dropFirst("module.".count)) : name
}

private func examples(_ names: [String]) -> String {
    let shown = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
}
