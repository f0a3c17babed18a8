import Files
import Foundation
import Images

/// A photograph to restore, as another program asks for it: a line of JSON.
///
///     {"id": 7, "input": "a.jpg", "output": "b.jpg", "options": {"seed": 5, "steps": 20, "tiled": true}}
public struct JobLine: Decodable, Sendable {
    /// Comes back with the answer, whatever it is.
    public var id: JSONValue?
    public var input: String
    public var output: String
    /// Options of `run` by their names without hyphens in front; flags are true or false.
    public var options: [String: JSONValue]?

    /// Longer lines are refused.
    public static let mostBytes = 1 << 20

    public init(_ text: some Collection<UInt8>) throws {
        do {
            self = try JSONDecoder().decode(JobLine.self, from: Data(text))
        } catch DecodingError.keyNotFound(let key, _) {
            throw InputError("says no '\(key.stringValue)'", advice: JobLine.example)
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw InputError("'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is of another kind than it must be", advice: JobLine.example)
        } catch {
            throw InputError("is no JSON object", advice: JobLine.example)
        }
        guard !input.isEmpty, !output.isEmpty else { throw InputError("an empty path", advice: JobLine.example) }
    }

    private static let example = "A line is {\"input\": \"a.jpg\", \"output\": \"b.jpg\", \"options\": {\"seed\": 7}}."

    /// The options as the command line has them.
    public func arguments() throws -> [String] {
        try (options ?? [:]).sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
            switch value {
            case .bool(let isOn): return isOn ? ["--\(name)"] : []
            case .integer(let number): return ["--\(name)=\(number)"]
            case .number(let number): return ["--\(name)=\(number)"]
            case .string(let text): return text.isEmpty ? ["--\(name)", ""] : ["--\(name)=\(text)"]
            default: throw InputError("the option '\(name)' must be a number, a text, true or false")
            }
        }
    }
}

/// The answer to a line: what became of the photograph, or what is wrong with the line.
public struct JobAnswer: Encodable, Sendable {
    public var id: JSONValue?
    /// Counted from 1.
    public var line: Int
    public var report: PhotoReport?
    public var error: String?

    public init(line: Int) { self.line = line }

    private enum Key: String, CodingKey { case id, line, state, error }

    public func encode(to encoder: any Encoder) throws {
        try report?.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(id, forKey: .id)
        try container.encode(line, forKey: .line)
        guard report == nil else { return }
        try container.encode(PhotoReport.State.failed, forKey: .state)
        try container.encode(error, forKey: .error)
    }

    public var text: String { Manifest.line(self) }
}

extension PhotoReport {
    /// As its line in a manifest.
    public var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(Manifest.line(self).utf8))) ?? .null }
}

/// Lines of a stream as they come, none of them longer than a limit in memory.
public struct LineReader: Sequence, IteratorProtocol {
    private let descriptor: Int32
    private let limit: Int
    private var rest: [UInt8] = []
    private var hasEnded = false

    public init(_ descriptor: Int32, limit: Int = JobLine.mostBytes) { (self.descriptor, self.limit) = (descriptor, limit) }

    /// The next line without its end; of one that is too long as much as shows that it is.
    public mutating func next() -> [UInt8]? {
        var isCut = false
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(rest[..<end])
                rest.removeSubrange(...end)
                return isCut ? [UInt8](repeating: 0x20, count: limit + 1) : line
            }
            if rest.count > limit { (rest, isCut) = ([], true) }
            guard !hasEnded else {
                defer { rest = [] }
                return isCut ? [UInt8](repeating: 0x20, count: limit + 1) : rest.isEmpty ? nil : rest
            }
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { hasEnded = true } else { rest += buffer[..<count] }
        }
    }
}
