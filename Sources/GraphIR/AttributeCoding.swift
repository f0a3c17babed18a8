/// Turns the stored properties of an op into attributes, through `Encodable`.
///
/// Property names become snake case. What an op can hold: integers, floats, bools, strings, enums with such raw values,
/// optionals (absent when nil), arrays and keyed values of those.
struct AttributeEncoder: Encoder {
    final class Box { var value: Attribute? }

    let box = Box()
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]

    static func encode(_ value: some Encodable) -> AttributeDictionary {
        let encoder = AttributeEncoder()
        // The containers below never throw, so only an op's own encode(to:) could, and ops have none.
        do { try value.encode(to: encoder) } catch { preconditionFailure("an op that does not encode: \(error)") }
        guard case .dictionary(let attributes)? = encoder.box.value else { return AttributeDictionary() }
        return attributes
    }

    static func attribute(_ value: some Encodable) throws -> Attribute {
        let encoder = AttributeEncoder()
        try value.encode(to: encoder)
        return encoder.box.value ?? .dictionary(AttributeDictionary())
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        box.value = .dictionary(AttributeDictionary())
        return KeyedEncodingContainer(Keyed<Key>(box: box))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.value = .list([])
        return Unkeyed(box: box)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { Single(box: box) }

    private static func float(_ value: Float) -> Attribute { .float(Double(value.description) ?? Double(value)) }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let box: Box
        let codingPath: [any CodingKey] = []

        func set(_ value: Attribute, _ key: Key) {
            guard case .dictionary(var entries)? = box.value else { return }
            box.value = nil  // keeps the copy below from being a deep one
            entries[snakeCase(key.stringValue)] = value
            box.value = .dictionary(entries)
        }
        func encodeNil(forKey key: Key) {}
        func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
        func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
        func encode(_ value: Double, forKey key: Key) { set(.float(value), key) }
        func encode(_ value: Float, forKey key: Key) { set(AttributeEncoder.float(value), key) }
        func encode(_ value: Int, forKey key: Key) { set(.integer(value), key) }
        func encode<T: Encodable>(_ value: T, forKey key: Key) throws { set(try AttributeEncoder.attribute(value), key) }
        func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey: Key) -> KeyedEncodingContainer<Nested> {
            preconditionFailure("ops do not nest containers by hand")
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            preconditionFailure("ops do not nest containers by hand")
        }
        func superEncoder() -> any Encoder { preconditionFailure("ops are values") }
        func superEncoder(forKey key: Key) -> any Encoder { preconditionFailure("ops are values") }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let box: Box
        let codingPath: [any CodingKey] = []
        var count = 0

        mutating func append(_ value: Attribute) {
            guard case .list(var values)? = box.value else { return }
            box.value = nil  // as above
            values.append(value)
            box.value = .list(values)
            count += 1
        }
        mutating func encodeNil() {}
        mutating func encode(_ value: Bool) { append(.bool(value)) }
        mutating func encode(_ value: String) { append(.string(value)) }
        mutating func encode(_ value: Double) { append(.float(value)) }
        mutating func encode(_ value: Float) { append(AttributeEncoder.float(value)) }
        mutating func encode(_ value: Int) { append(.integer(value)) }
        mutating func encode<T: Encodable>(_ value: T) throws { append(try AttributeEncoder.attribute(value)) }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) -> KeyedEncodingContainer<Nested> {
            preconditionFailure("ops do not nest containers by hand")
        }
        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            preconditionFailure("ops do not nest containers by hand")
        }
        mutating func superEncoder() -> any Encoder { preconditionFailure("ops are values") }
    }

    private struct Single: SingleValueEncodingContainer {
        let box: Box
        let codingPath: [any CodingKey] = []

        func encodeNil() {}
        func encode(_ value: Bool) { box.value = .bool(value) }
        func encode(_ value: String) { box.value = .string(value) }
        func encode(_ value: Double) { box.value = .float(value) }
        func encode(_ value: Float) { box.value = AttributeEncoder.float(value) }
        func encode(_ value: Int) { box.value = .integer(value) }
        func encode<T: Encodable>(_ value: T) throws { box.value = try AttributeEncoder.attribute(value) }
    }
}

/// `channelMultiplier` to `channel_multiplier`.
func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase { result += "_" + character.lowercased() } else { result.append(character) }
    }
    return result
}
