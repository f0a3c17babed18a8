import Files

/// A protobuf message as a list of fields, to change it at any depth and keep it well-formed.
struct WireFields {
    private indirect enum Content {
        case varint(UInt64)
        case fixed([UInt8])
        case bytes([UInt8])
        case fields([Field])
    }

    private struct Field {
        var key: UInt64
        var content: Content
    }

    private var fields: [Field]

    /// - Parameter bytes: a message; if it is none, it is kept as one field that is none either.
    init(_ bytes: [UInt8]) {
        fields = WireFields.parse(bytes[...], depth: 0) ?? [Field(key: 2, content: .bytes(bytes))]
    }

    func serialized() -> [UInt8] {
        var result: [UInt8] = []
        WireFields.write(fields, to: &result)
        return result
    }

    mutating func mutate(_ generator: inout SeededGenerator) { WireFields.mutate(&fields, &generator, depth: 0) }

    private static let interesting: [UInt64] = [
        0, 1, 2, 3, 4, 5, 7, 8, 16, 63, 64, 127, 255, 1 << 15, 1 << 16, 1 << 24, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, 1 << 62, 1 << 63,
        .max, .max - 1, .max - 2, .max - 7, (1 << 63) - 1,
    ]

    /// Descends to some field, then changes it.
    private static func mutate(_ fields: inout [Field], _ generator: inout SeededGenerator, depth: Int) {
        guard !fields.isEmpty else {
            fields.append(Field(key: UInt64.random(in: 1..<200, using: &generator) << 3, content: .varint(interesting.randomElement(using: &generator)!)))
            return
        }
        let index = Int.random(in: 0..<fields.count, using: &generator)
        if case .fields(var inner) = fields[index].content, Int.random(in: 0..<6, using: &generator) > 0 {
            mutate(&inner, &generator, depth: depth + 1)
            fields[index].content = .fields(inner)
            return
        }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: fields.remove(at: index)
        case 1: fields.insert(fields[index], at: Int.random(in: 0...fields.count, using: &generator))
        case 2: fields.swapAt(index, Int.random(in: 0..<fields.count, using: &generator))
        case 3:
            // Something else of this message in its place.
            fields[index].content = fields.randomElement(using: &generator)!.content
            fields[index].key = fields[index].key & ~7 | wireType(fields[index].content)
        default: change(&fields[index].content, &generator)
        }
    }

    private static func change(_ content: inout Content, _ generator: inout SeededGenerator) {
        switch content {
        case .varint(let value):
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: content = .varint(value &+ 1)
            case 1: content = .varint(value &- 1)
            default: content = .varint(interesting.randomElement(using: &generator)!)
            }
        case .fixed(var bytes), .bytes(var bytes):
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
            case 1: bytes += bytes
            case 2: bytes += [UInt8](repeating: 0xff, count: 8)
            default:
                if !bytes.isEmpty { bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator) }
            }
            if case .fixed(let old) = content { content = .fixed(Array((bytes + old).prefix(old.count))) } else { content = .bytes(bytes) }
        case .fields(var inner):
            inner.removeAll()
            content = .fields(inner)
        }
    }

    private static func wireType(_ content: Content) -> UInt64 {
        switch content {
        case .varint: 0
        case .fixed(let bytes): bytes.count == 8 ? 1 : 5
        case .bytes, .fields: 2
        }
    }

    private static func parse(_ bytes: ArraySlice<UInt8>, depth: Int) -> [Field]? {
        var rest = bytes
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7f) << min(shift, 63)
                if byte < 0x80 { return value }
            }
            return nil
        }
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let key = varint(), key >> 3 > 0, key >> 3 < 1000 else { return nil }
            switch key & 7 {
            case 0:
                guard let value = varint() else { return nil }
                fields.append(Field(key: key, content: .varint(value)))
            case 1, 5:
                let count = key & 7 == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                fields.append(Field(key: key, content: .fixed(Array(rest.prefix(count)))))
                rest = rest.dropFirst(count)
            case 2:
                guard let count = varint(), count <= UInt64(rest.count) else { return nil }
                let inner = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
                // A text may look like a message; then it is changed like one.
                let parsed = depth < 12 && !inner.isEmpty ? parse(inner, depth: depth + 1) : nil
                fields.append(Field(key: key, content: parsed.map(Content.fields) ?? .bytes(Array(inner))))
            default: return nil
            }
        }
        return fields
    }

    private static func write(_ fields: [Field], to bytes: inout [UInt8]) {
        func varint(_ value: UInt64, _ bytes: inout [UInt8]) {
            var rest = value
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        for field in fields {
            varint(field.key, &bytes)
            switch field.content {
            case .varint(let value): varint(value, &bytes)
            case .fixed(let value): bytes += value
            case .bytes(let value):
                varint(UInt64(value.count), &bytes)
                bytes += value
            case .fields(let inner):
                var value: [UInt8] = []
                write(inner, to: &value)
                varint(UInt64(value.count), &bytes)
                bytes += value
            }
        }
    }
}
