import DeblurDiff
import Files
import Foundation
import Images
import Jobs

/// All that is chosen for a server.
public struct ServerSettings: Sendable {
    /// The address to listen at: a name or a number.
    public var host = "127.0.0.1"
    /// 0 takes any that is free.
    public var port = 7860
    /// Where jobs and photographs are kept.
    public var data: String
    /// What clients must show; nil for nothing, which only the own machine's address allows.
    public var token: String?
    /// Restorations at a time.
    public var parallel = 1
    /// Seconds that a job is kept after its end.
    public var keepSeconds = 7.0 * 86400
    /// Bytes of photographs and results; the oldest jobs that have ended go first.
    public var maxDisk: Int?
    /// Of an uploaded file, in bytes.
    public var maxBytes = 200_000_000
    public var reading = ReadingLimits(pixelCount: 100_000_000)
    /// Jobs that wait, of all clients.
    public var maxQueue = 1000
    /// Connections at a time.
    public var maxConnections = 1024
    /// Seconds that a restoration may run.
    public var maxSeconds = 86400.0
    /// Seconds that a connection may do nothing, and that a reader may take for what was sent to it.
    public var idleSeconds = 60.0
    /// Further names by which clients may call the server.
    public var names: [String] = []
    /// Origins of other pages that may use it, as `https://example.org`.
    public var origins: [String] = []
    /// The most memory that a restoration may take, in bytes; nil for all that there is.
    public var memoryLimit: Int?

    public init(data: String) { self.data = data }

    /// `$XDG_DATA_HOME/deblurdiff`, or below `~/.local/share`; nil where there is no home.
    public static var standardData: String? {
        func folder(_ variable: String) -> String? { getenv(variable).map { FilePath.text($0) }.flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let base = folder("XDG_DATA_HOME") ?? folder("HOME").map { FilePath.join($0, ".local/share") }
        return base.map { FilePath.join($0, "deblurdiff") }
    }

    static let loopback = ["localhost", "127.0.0.1", "::1"]

    public var isLoopback: Bool { ServerSettings.loopback.contains(host) }

    /// - Throws: an `InputError` for what would be unsafe.
    public func check() throws {
        guard isLoopback || token != nil else {
            throw InputError(
                "other machines could use the server at this address without showing that they may", at: "--host \(host)",
                advice: "Name a --token that clients must show, or leave out --host to serve this machine alone.")
        }
        if let token, token.utf8.count < 8 || !token.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }) {
            throw InputError("must be 8 or more letters, digits and signs without spaces", at: "--token", advice: "'openssl rand -hex 16' makes a good one.")
        }
    }
}

/// What the server has to know of the command line, whose options jobs have.
public struct JobOptions: Sendable {
    /// An option of a job.
    public struct Description: Encodable, Sendable {
        public enum Kind: String, Encodable, Sendable { case integer, number, text, choice, flag }

        /// As on the command line, without hyphens in front.
        public var name: String
        public var kind: Kind
        public var `default`: String?
        public var choices: [String]?
        public var minimum: Double?
        public var maximum: Double?
        public var help: String

        public init(
            name: String, kind: Kind, default: String? = nil, choices: [String]? = nil, minimum: Double? = nil, maximum: Double? = nil, help: String
        ) {
            (self.name, self.kind, self.default, self.choices) = (name, kind, `default`, choices)
            (self.minimum, self.maximum, self.help) = (minimum, maximum, help)
        }
    }

    /// Options under a name that people understand.
    public struct Preset: Encodable, Sendable {
        public var id: String
        public var title: String
        public var help: String
        public var options: [String: String]

        public init(id: String, title: String, help: String, options: [String: String]) {
            (self.id, self.title, self.help, self.options) = (id, title, help, options)
        }
    }

    /// Options as the engine takes them.
    public struct Parsed: Sendable {
        public var settings: RestorationSettings
        /// What the result is written as; nil for as the photograph is.
        public var format: (any WritableImageCodec)?

        public init(settings: RestorationSettings, format: (any WritableImageCodec)?) { (self.settings, self.format) = (settings, format) }
    }

    /// The program and its version.
    public var program: String
    public var descriptions: [Description]
    public var presets: [Preset]
    /// Options by name to what they mean for a model. Throws an `InputError` for what is no option of ``descriptions``, or has a wrong value.
    public var parse: @Sendable (_ options: [String: String], _ model: DeblurDiffModel) throws -> Parsed
    /// An error of the engine in the words of the interface's options.
    public var words: @Sendable (String) -> String

    public init(
        program: String, descriptions: [Description], presets: [Preset],
        parse: @escaping @Sendable (_ options: [String: String], _ model: DeblurDiffModel) throws -> Parsed,
        words: @escaping @Sendable (String) -> String = { $0 }
    ) {
        (self.program, self.descriptions, self.presets, self.parse, self.words) = (program, descriptions, presets, parse, words)
    }
}
