/// Makes an op from attributes, through `Decodable`. Missing, unknown and misfitting attributes are errors.
struct AttributeDecoder: Decoder {
    let value: Attribute
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]

    static func decode<T: Decodable>(_ type: T.Type, from attributes: AttributeDictionary) throws -> T {
        try T(from: AttributeDecoder(value: .dictionary(attributes), codingPath: []))
    }

    static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "'\(snakeCase(key.stringValue))' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            (context.codingPath.map { snakeCase($0.stringValue) } + [context.debugDescription]).joined(separator: ": ")
        @unknown default: "\(error)"
        }
    }

    func mismatch(_ expected: String) -> DecodingError {
        .typeMismatch(Attribute.self, .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(value)"))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .dictionary(let entries) = value else { throw mismatch("attributes") }
        return KeyedDecodingContainer(Keyed<Key>(entries: entries, codingPath: codingPath))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .list(let values) = value else { throw mismatch("a list") }
        return Unkeyed(values: values, codingPath: codingPath)
    }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

    func integer() throws -> Int {
        guard case .integer(let result) = value else { throw mismatch("an integer") }
        guard result.magnitude <= UInt(Attribute.integerLimit) else { throw mismatch("an integer of at most 2^31") }
        return result
    }
    func double() throws -> Double {
        switch value {
        case .float(let result): return result
        case .integer(let result): return Double(result)
        default: throw mismatch("a number")
        }
    }
    func string() throws -> String {
        guard case .string(let result) = value else { throw mismatch("a word") }
        return result
    }
    func bool() throws -> Bool {
        guard case .bool(let result) = value else { throw mismatch("true or false") }
        return result
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let entries: AttributeDictionary
        let codingPath: [any CodingKey]

        var allKeys: [Key] { entries.entries.compactMap { Key(stringValue: $0.key) } }
        func contains(_ key: Key) -> Bool { entries[snakeCase(key.stringValue)] != nil }
        func at(_ key: Key) throws -> AttributeDecoder {
            guard let value = entries[snakeCase(key.stringValue)] else {
                throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: ""))
            }
            return AttributeDecoder(value: value, codingPath: codingPath + [key])
        }
        func decodeNil(forKey key: Key) -> Bool { !contains(key) }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try at(key).bool() }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try at(key).string() }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try at(key).double() }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try at(key).double()) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try at(key).integer() }
        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try T(from: at(key)) }
        func nestedContainer<N: CodingKey>(keyedBy: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
            try at(key).container(keyedBy: N.self)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try at(key).unkeyedContainer() }
        func superDecoder() throws -> any Decoder { preconditionFailure("ops are values") }
        func superDecoder(forKey key: Key) throws -> any Decoder { preconditionFailure("ops are values") }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let values: [Attribute]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        init(values: [Attribute], codingPath: [any CodingKey]) {
            self.values = values
            self.codingPath = codingPath
        }

        var count: Int? { values.count }
        var isAtEnd: Bool { currentIndex == values.count }
        mutating func next() throws -> AttributeDecoder {
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    Attribute.self, .init(codingPath: codingPath, debugDescription: "the list is too short"))
            }
            defer { currentIndex += 1 }
            return AttributeDecoder(value: values[currentIndex], codingPath: codingPath)
        }
        mutating func decodeNil() throws -> Bool { false }
        mutating func decode(_ type: Bool.Type) throws -> Bool { try next().bool() }
        mutating func decode(_ type: String.Type) throws -> String { try next().string() }
        mutating func decode(_ type: Double.Type) throws -> Double { try next().double() }
        mutating func decode(_ type: Float.Type) throws -> Float { Float(try next().double()) }
        mutating func decode(_ type: Int.Type) throws -> Int { try next().integer() }
        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: next()) }
        mutating func nestedContainer<N: CodingKey>(keyedBy: N.Type) throws -> KeyedDecodingContainer<N> {
            try next().container(keyedBy: N.self)
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
        mutating func superDecoder() throws -> any Decoder { preconditionFailure("ops are values") }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: AttributeDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { false }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool() }
        func decode(_ type: String.Type) throws -> String { try decoder.string() }
        func decode(_ type: Double.Type) throws -> Double { try decoder.double() }
        func decode(_ type: Float.Type) throws -> Float { Float(try decoder.double()) }
        func decode(_ type: Int.Type) throws -> Int { try decoder.integer() }
        func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: decoder) }
    }
}
