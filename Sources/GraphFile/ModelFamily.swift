import Files
import Foundation

/// What the models of a kind say of themselves in a file. The file knows nothing of what it means.
public struct ModelFamily: Hashable, Sendable {
    /// "deblurdiff".
    public var name: String
    /// The networks' sizes, as JSON.
    public var configuration: String
    /// Further texts by name, such as a vocabulary.
    public var texts: [String: String]

    public init(name: String, configuration: String, texts: [String: String] = [:]) {
        self.name = name
        self.configuration = configuration
        self.texts = texts
    }

    init(_ metadata: [String: String]) throws {
        typealias Key = ModelFile.Key
        guard let configuration = metadata[Key.configuration] else {
            throw InputError("its header lacks '\(Key.configuration)'", advice: "Convert the model again.")
        }
        self.init(name: metadata[Key.family] ?? "deblurdiff", configuration: configuration)
        let others: Set = [Key.formatVersion, Key.family, Key.configuration, Key.provenance, Key.checksums, Key.metadataDigest]
        for (key, text) in metadata where key.hasPrefix(Key.prefix) && !key.hasPrefix(Key.graphPrefix) && !others.contains(key) {
            texts[String(key.dropFirst(Key.prefix.count))] = text
        }
    }

    var metadata: [String: String] {
        var result = [ModelFile.Key.family: name, ModelFile.Key.configuration: configuration]
        for (name, text) in texts { result[ModelFile.Key.prefix + name] = text }
        return result
    }
}
