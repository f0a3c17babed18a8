import DeblurDiff
import Files
import GraphViews

/// The models that a server has open, by short names. The first is the default.
struct ModelShelf: Sendable {
    /// Where the time went.
    struct Profile: Sendable {
        let report: ProfileReport
        /// The photograph's.
        let width: Int
        let height: Int
    }

    struct Entry: Sendable {
        let id: String
        let model: DeblurDiffModel
        /// Of the last photograph that was restored whole.
        let profile = Locked<Profile?>(nil)

        var description: ModelAnswer {
            ModelAnswer(
                id: id, file: FilePath.name(of: model.file.path), digest: model.file.digest, default: false, bytes: FileStatus(model.file.path)?.size ?? 0,
                latentFactor: model.configuration.latentFactor, steps: RestorationOptions(defaultsOf: model.configuration).steps)
        }
    }

    let entries: [Entry]

    init(_ models: [DeblurDiffModel]) {
        precondition(!models.isEmpty)
        var taken: Set<String> = []
        entries = models.map { model in
            let id = ModelShelf.id(FilePath.name(of: model.file.path), taken)
            taken.insert(id)
            return Entry(id: id, model: model)
        }
    }

    /// A file's name without its endings, of letters that need no escape in addresses; with a number where it is taken.
    private static func id(_ name: String, _ taken: Set<String>) -> String {
        var stem = Substring(name)
        for ending in [".safetensors", ".ddiff"] where stem.hasSuffix(ending) { stem = stem.dropLast(ending.count) }
        let plain = String(
            stem.unicodeScalars.map {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0)) ? Character($0) : "-"
            })
        let base = plain.isEmpty || plain.hasPrefix(".") ? "model" : plain
        return !taken.contains(base) ? base : (2...).lazy.map { "\(base)-\($0)" }.first { !taken.contains($0) }!
    }

    /// - Parameter id: nil for the default.
    func entry(_ id: String?) throws -> Entry {
        guard let id else { return entries[0] }
        guard let entry = entries.first(where: { $0.id == id }) else {
            throw Problem(.badRequest, "there is no model '\(id.printable)'", advice: "The models are: \(entries.map(\.id).joined(separator: ", ")).")
        }
        return entry
    }

    var descriptions: [ModelAnswer] {
        entries.enumerated().map { index, entry in
            var description = entry.description
            description.default = index == 0
            return description
        }
    }
}
