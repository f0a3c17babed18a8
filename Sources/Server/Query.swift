import Files
import Foundation
import HTTPTypes
import Hummingbird

/// What stands behind the question mark.
struct Query {
    private(set) var values: [String: String] = [:]

    /// - Throws: a `Problem` where something is named twice or is no text.
    init(_ request: Request) throws {
        for part in (request.uri.query ?? "").split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Query.decoded(sides[0]), let value = sides.count > 1 ? Query.decoded(sides[1]) : "" else {
                throw Problem(.badRequest, "the address is not encoded as addresses are")
            }
            guard values.updateValue(value, forKey: name) == nil else { throw Problem(.badRequest, "'\(name.printable)' is given twice") }
        }
    }

    private static func decoded(_ text: Substring) -> String? {
        guard let text = text.replacing("+", with: " ").removingPercentEncoding, !text.unicodeScalars.contains("\0") else { return nil }
        return text
    }

    /// Takes a value out.
    mutating func take(_ name: String) -> String? { values.removeValue(forKey: name) }

    /// - Throws: a `Problem` where it is no number of the range.
    mutating func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = take(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(.badRequest, "'\(name)' must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func flag(_ name: String) throws -> Bool {
        switch take(name) {
        case nil, "false": return false
        case "true", "": return true
        default: throw Problem(.badRequest, "'\(name)' must be true or false")
        }
    }

    func end() throws {
        guard let name = values.keys.min() else { return }
        throw Problem(.badRequest, "'\(name.printable)' means nothing here")
    }
}

/// The options of a job, from the address or from a header.
struct RequestedOptions {
    let model: String?
    let values: [String: String]

    init(_ request: Request, _ query: Query) throws {
        var values = query.values
        if let header = request.headers[.deblurDiffOptions] {
            guard case .object(let object)? = try? JSONDecoder().decode(JSONValue.self, from: Data(header.utf8)) else {
                throw Problem(.badRequest, "the header 'Deblurdiff-Options' is no JSON object", advice: #"It is to be like {"steps": 20}."#)
            }
            for (name, value) in object {
                guard let text = RequestedOptions.text(value) else {
                    throw Problem(.badRequest, "the option '\(name.printable)' must be a number, a text, true or false")
                }
                guard values.updateValue(text, forKey: name) == nil else { throw Problem(.badRequest, "'\(name.printable)' is given twice") }
            }
        }
        model = values.removeValue(forKey: "model")
        self.values = values
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let isOn): "\(isOn)"
        default: nil
        }
    }
}
