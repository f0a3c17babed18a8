/// Where a model file comes from. It holds no date and no folder, so that converting the same files twice gives the same bytes.
public struct Provenance: Codable, Hashable, Sendable {
    public struct Source: Codable, Hashable, Sendable {
        /// The file's name without its folder.
        public var name: String
        /// Bytes.
        public var size: Int
        /// 64 hexadecimal digits.
        public var sha256: String

        public init(name: String, size: Int, sha256: String) {
            self.name = name
            self.size = size
            self.sha256 = sha256
        }
    }

    /// The program that wrote the file, with its version.
    public var converter: String
    public var sources: [Source]

    public init(converter: String, sources: [Source]) {
        self.converter = converter
        self.sources = sources
    }
}
