import Foundation

/// An XMP packet: XML, in which single properties are changed as text, so that all else stays as it was written.
public struct XMPPacket: Hashable, Sendable {
    public private(set) var text: String

    /// Nil for what is not UTF-8 with an RDF element in it, or is larger than 16 MB.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= 16 << 20, let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self), XMPPacket.end(of: text) != nil else {
            return nil
        }
        self.text = text
    }

    init() {
        text = """
            <?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
            <x:xmpmeta xmlns:x="adobe:ns:meta/">
             <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
             </rdf:RDF>
            </x:xmpmeta>
            <?xpacket end="r"?>
            """
    }

    var bytes: [UInt8] { Array(text.utf8) }

    /// Where the RDF element ends, and the prefix that it goes by.
    private static func end(of text: String) -> (place: String.Index, prefix: String)? {
        guard let end = text.range(of: ":RDF>", options: .backwards), let start = text[..<end.lowerBound].range(of: "</", options: .backwards) else {
            return nil
        }
        let prefix = String(text[start.upperBound..<end.lowerBound])
        guard !prefix.isEmpty, prefix.utf8.count < 32, prefix.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }) else { return nil }
        return (start.lowerBound, prefix)
    }

    /// Where the value of a property stands: as an attribute, or as an element with nothing but text in it.
    private func place(of name: String, from start: String.Index) -> Range<String.Index>? {
        var start = start
        while let found = text.range(of: name, range: start..<text.endIndex) {
            start = found.upperBound
            guard found.lowerBound > text.startIndex, start < text.endIndex else { continue }
            let before = text[text.index(before: found.lowerBound)]
            var rest = text[start...]
            if before == "<", rest.first == ">" {
                let value = text.index(after: start)
                guard let end = text.range(of: "</\(name)>", range: value..<text.endIndex), !text[value..<end.lowerBound].contains("<") else { continue }
                return value..<end.lowerBound
            }
            guard before.isWhitespace else { continue }
            rest = rest.drop { $0.isWhitespace }
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst().drop { $0.isWhitespace }
            guard let quote = rest.first, quote == "\"" || quote == "'" else { continue }
            rest = rest.dropFirst()
            guard let end = rest.firstIndex(of: quote) else { continue }
            return rest.startIndex..<end
        }
        return nil
    }

    /// A property's value, without XML's escapes.
    public func value(_ name: String) -> String? { place(of: name, from: text.startIndex).map { XMPPacket.unescaped(String(text[$0])) } }

    /// More of the same in a packet is nonsense, and changing it would take long.
    private static let repetitionLimit = 16

    /// Changes a property wherever the packet has it.
    mutating func setExisting(_ name: String, _ value: String) {
        var start = text.startIndex
        for _ in 0..<XMPPacket.repetitionLimit {
            guard let place = place(of: name, from: start) else { break }
            let offset = text.utf8.distance(from: text.startIndex, to: place.lowerBound)
            text.replaceSubrange(place, with: value)
            start = text.utf8.index(text.startIndex, offsetBy: offset + value.utf8.count)
        }
    }

    /// Takes away elements from their beginning to their end.
    private mutating func remove(from beginning: String, through end: String) {
        for _ in 0..<XMPPacket.repetitionLimit {
            guard let start = text.range(of: beginning), let end = text.range(of: end, range: start.upperBound..<text.endIndex) else { break }
            text.removeSubrange(start.lowerBound..<end.upperBound)
        }
    }

    /// Says that the picture is upright and has this size, where it says anything of that; takes away thumbnails, and what says that more XMP lies elsewhere.
    mutating func describe(width: Int, height: Int) {
        setExisting("tiff:Orientation", "1")
        for (name, length) in [("tiff:ImageWidth", width), ("tiff:ImageLength", height), ("exif:PixelXDimension", width), ("exif:PixelYDimension", height)] {
            setExisting(name, "\(length)")
        }
        remove(from: "<xmp:Thumbnails>", through: "</xmp:Thumbnails>")
        setExisting("xmpNote:HasExtendedXMP", "")
    }

    /// Puts in properties of a namespace of their own, in place of those that are there.
    mutating func set(_ properties: [(name: String, value: String)], prefix: String, namespace: String) {
        for rdf in Set(["rdf", XMPPacket.end(of: text)?.prefix ?? "rdf"]) {
            remove(from: "<\(rdf):Description \(rdf):about=\"\" xmlns:\(prefix)=\"\(namespace)\"", through: "/>\n")
        }
        guard let (place, rdf) = XMPPacket.end(of: text) else { return }
        var element = "<\(rdf):Description \(rdf):about=\"\" xmlns:\(prefix)=\"\(namespace)\""
        for (name, value) in properties { element += "\n   \(prefix):\(name)=\"\(XMPPacket.escaped(value))\"" }
        text.insert(contentsOf: element + "/>\n", at: place)
    }

    private static let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;"), ("\n", "&#xA;"), ("\t", "&#x9;")]

    private static func escaped(_ text: String) -> String {
        // XML has no other control characters.
        let allowed = String(text.unicodeScalars.filter { $0.value >= 32 || $0 == "\n" || $0 == "\t" })
        return escapes.reduce(allowed) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    private static func unescaped(_ text: String) -> String { escapes.reversed().reduce(text) { $0.replacingOccurrences(of: $1.1, with: $1.0) } }
}
