import Files
import Tensors

extension DeblurDiffCheckpoint {
    /// Compares the weights with what the networks of a configuration need.
    ///
    /// Not needed, and no error: what the released networks carry without running it (the text encoder's last layer, projection, scale and mask, its
    /// image half, and the autoencoder's training loss), and names outside the networks' prefixes.
    ///
    /// - Parameter expected: the shape of every parameter by its name in the combined form.
    /// - Throws: an `InputError` that counts the missing, unexpected, misshapen and integer tensors and shows the first few of each.
    public func check(expected: [String: Shape]) throws {
        let available = Set(names)
        let missing = expected.keys.filter { !available.contains($0) }.sorted()
        var unexpected: [String] = []
        var misshapen: [(name: String, expected: Shape, found: Shape)] = []
        var mistyped: [String] = []
        let runningLayers = Set(expected.keys.compactMap(textEncoderLayer))
        for name in names {
            guard let shape = expected[name] else {
                if !isUnused(name, runningLayers: runningLayers) { unexpected.append(name) }
                continue
            }
            guard let found = type(of: name) else { continue }
            if found.shape != shape { misshapen.append((name, shape, found.shape)) }
            // The networks compute with floats, and nothing would read these.
            if !found.elementType.isFloatingPoint { mistyped.append(name) }
        }
        guard !(missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty && mistyped.isEmpty) else { return }

        var counts: [String] = []
        var details: [String] = []
        func report<Item>(_ items: [Item], _ what: String, _ describe: (Item) -> String) {
            guard !items.isEmpty else { return }
            counts.append("\(items.count) \(what)")
            details += items.prefix(4).map { "\n    \(what): \(describe($0))" }
            if items.count > 4 { details.append("\n    \(what): ... and \(items.count - 4) more") }
        }
        report(missing, "missing") { "\($0) \(expected[$0]!)" }
        report(unexpected, "unexpected") { "\($0) \(type(of: $0)?.shape ?? [])" }
        report(misshapen, "misshapen") { "\($0.name): \($0.expected) expected, \($0.found) found" }
        report(mistyped, "not floats") { "\($0) \(type(of: $0)?.description ?? "")" }
        throw InputError(
            "the weights do not fit the configuration: \(counts.joined(separator: ", ")) of \(expected.count) tensors" + details.joined(),
            at: paths.joined(separator: ", "), advice: "If the model has other sizes than the released one, give its `configuration`.")
    }

    private func isUnused(_ name: String, runningLayers: Set<Int>) -> Bool {
        if let layer = textEncoderLayer(name) {
            // One layer more than those that run.
            return !runningLayers.contains(layer) && layer == (runningLayers.max() ?? -1) + 1
        }
        let unused = ["clip.model.text_projection", "clip.model.logit_scale", "clip.model.attn_mask"]
        return unused.contains(name) || name.hasPrefix("clip.model.visual.") || name.hasPrefix("vae.loss.") || name.hasPrefix("vae.model_ema.")
    }

    private func textEncoderLayer(_ name: String) -> Int? {
        let prefix = "clip.model.transformer.resblocks."
        guard name.hasPrefix(prefix) else { return nil }
        return Int(name.dropFirst(prefix.count).prefix { $0 != "." })
    }
}
