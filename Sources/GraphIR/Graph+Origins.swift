extension Graph {
    /// The names in a list as the text form writes origins, `from %a, %"another one"`; none where the text is something else.
    public static func names(fromOrigins text: String) -> [String] {
        guard text.hasPrefix("from %") else { return [] }
        var names: [String] = []
        var rest = text.dropFirst("from ".count)
        while rest.first == "%" {
            rest.removeFirst()
            var name = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        name.append(character)
                        continue
                    }
                    if let escaped = rest.popFirst() { name.append(escaped == "n" ? "\n" : escaped) }
                }
            } else {
                while let character = rest.first, character != "," {
                    name.append(character)
                    rest.removeFirst()
                }
            }
            names.append(name)
            guard rest.hasPrefix(", %") else { break }
            rest = rest.dropFirst(2)
        }
        return rest.isEmpty ? names : []
    }
}
