/// How a result was made, as it is written into it, so that it can be made again. It holds no time and no place: the same run makes the same bytes.
public struct RestorationRecord: Hashable, Sendable, Codable {
    /// The program with its version: "deblurdiff 0.1.0".
    public var program: String
    /// The name of the model's file.
    public var model: String
    /// The model's digest: 64 hexadecimal digits.
    public var modelDigest: String
    /// The SHA-256 of the photograph's file: 64 hexadecimal digits.
    public var inputDigest: String
    public var seed: UInt64
    /// All other options that the result depends on, as the command takes them.
    public var options: String

    public init(program: String, model: String, modelDigest: String, inputDigest: String, seed: UInt64, options: String) {
        self.program = program
        self.model = model
        self.modelDigest = modelDigest
        self.inputDigest = inputDigest
        self.seed = seed
        self.options = options
    }

    static let prefix = "deblurdiff"
    static let namespace = "urn:deblurdiff:restoration:1"

    var properties: [(name: String, value: String)] {
        [("Program", program), ("Model", model), ("ModelSHA256", modelDigest), ("InputSHA256", inputDigest), ("Seed", "\(seed)"), ("Options", options)]
    }

    /// What a photograph's XMP says of this.
    public init?(in packet: XMPPacket) {
        func value(_ name: String) -> String? { packet.value("\(RestorationRecord.prefix):\(name)") }
        guard let program = value("Program"), let seed = value("Seed").flatMap({ UInt64($0) }) else { return nil }
        self.init(
            program: program, model: value("Model") ?? "", modelDigest: value("ModelSHA256") ?? "", inputDigest: value("InputSHA256") ?? "", seed: seed,
            options: value("Options") ?? "")
    }
}
