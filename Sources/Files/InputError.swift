/// A mistake in what a file or a user gave us: what is wrong, where, and what to do about it.
///
/// Everything that input can cause is thrown as this type; the command renders it in one place.
public struct InputError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence without a full stop: "the archive ends inside entry 'data/3'".
    public var what: String
    /// A path, key or option.
    public var location: String?
    /// What the reader can do about it.
    public var advice: String?

    public init(_ what: String, at location: String? = nil, advice: String? = nil) {
        self.what = what
        self.location = location
        self.advice = advice
    }

    public func at(_ location: String) -> InputError {
        InputError(what, at: self.location.map { "\(location): \($0)" } ?? location, advice: advice)
    }

    /// For people: what files say is shown as ``Swift/String/printable``.
    public var description: String {
        var text = location.map { "\($0.printable): \(what.printableLines)" } ?? what.printableLines
        if let advice { text += "\n  \(advice.printableLines)" }
        return text
    }
}
