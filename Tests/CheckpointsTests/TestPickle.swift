import GraphTestSupport

/// What to pickle, for archives that the tests make. Unlike the reader's values it can say anything, also what must be refused.
indirect enum TestPickle {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case text(String)
    case tuple([TestPickle])
    case list([TestPickle])
    case dictionary([(TestPickle, TestPickle)])
    case global(String, String)
    case call(TestPickle, [TestPickle])
    case persistent(TestPickle)
    case build(TestPickle, TestPickle)
    /// An OrderedDict as Python pickles one: called empty, then filled.
    case ordered([(TestPickle, TestPickle)])
    case raw([UInt8])

    static func storage(_ key: String, _ type: String, count: Int, legacy: Bool = false) -> TestPickle {
        let parts: [TestPickle] = [.text("storage"), .global("torch", type), .text(key), .text("cpu"), .int(count)]
        return .persistent(.tuple(legacy ? parts + [.none] : parts))
    }

    static func tensor(_ storage: TestPickle, offset: Int = 0, shape: [Int], strides: [Int]) -> TestPickle {
        .call(
            .global("torch._utils", "_rebuild_tensor_v2"),
            [storage, .int(offset), .tuple(shape.map(TestPickle.int)), .tuple(strides.map(TestPickle.int)), .bool(false), .ordered([])])
    }

    static func parameter(_ tensor: TestPickle) -> TestPickle {
        .call(.global("torch._utils", "_rebuild_parameter"), [tensor, .bool(true), .ordered([])])
    }

    static func stateDict(_ entries: [(String, TestPickle)]) -> TestPickle {
        .build(.ordered(entries.map { (.text($0.0), $0.1) }), .dictionary([(.text("_metadata"), .ordered([]))]))
    }
}

/// Writes pickles with the instructions that Python uses for a protocol, memo included.
struct TestPickler {
    let version: UInt8
    private var output: [UInt8] = []
    private var memoCount = 0

    static func pickle(_ value: TestPickle, version: UInt8 = 2) -> [UInt8] {
        var pickler = TestPickler(version: version)
        pickler.write(value)
        let body = pickler.output + [UInt8(ascii: ".")]
        let frame = version >= 4 ? [0x95] + littleEndian(UInt64(body.count)) : []
        return [0x80, version] + frame + body
    }

    private init(version: UInt8) { self.version = version }

    private mutating func memoize() {
        if version >= 4 {
            output.append(0x94)
        } else if memoCount < 256 {
            output += [UInt8(ascii: "q"), UInt8(memoCount)]
        } else {
            output += [UInt8(ascii: "r")] + littleEndian(UInt32(memoCount))
        }
        memoCount += 1
    }

    private mutating func write(_ value: TestPickle) {
        switch value {
        case .none: output.append(UInt8(ascii: "N"))
        case .bool(let value): output.append(value ? 0x88 : 0x89)
        case .int(let value): writeInt(value)
        case .float(let value): output += [UInt8(ascii: "G")] + littleEndian(value.bitPattern.byteSwapped)
        case .text(let text): writeText(text)
        case .tuple(let elements): writeTuple(elements)
        case .list(let elements):
            output.append(UInt8(ascii: "]"))
            memoize()
            writeMarked(elements, end: "e")
        case .dictionary(let pairs):
            output.append(UInt8(ascii: "}"))
            memoize()
            writeMarked(pairs.flatMap { [$0.0, $0.1] }, end: "u")
        case .global(let module, let name):
            if version >= 4 {
                writeText(module)
                writeText(name)
                output.append(0x93)
            } else {
                output += [UInt8(ascii: "c")] + Array("\(module)\n\(name)\n".utf8)
            }
            memoize()
        case .call(let function, let arguments):
            write(function)
            writeTuple(arguments)
            output.append(UInt8(ascii: "R"))
            memoize()
        case .persistent(let identifier):
            write(identifier)
            output.append(UInt8(ascii: "Q"))
        case .build(let object, let state):
            write(object)
            write(state)
            output.append(UInt8(ascii: "b"))
        case .ordered(let pairs):
            write(.call(.global("collections", "OrderedDict"), []))
            writeMarked(pairs.flatMap { [$0.0, $0.1] }, end: "u")
        case .raw(let bytes): output += bytes
        }
    }

    private mutating func writeMarked(_ elements: [TestPickle], end: Unicode.Scalar) {
        guard !elements.isEmpty else { return }
        output.append(UInt8(ascii: "("))
        elements.forEach { write($0) }
        output.append(UInt8(ascii: end))
    }

    private mutating func writeInt(_ value: Int) {
        if let small = UInt8(exactly: value) {
            output += [UInt8(ascii: "K"), small]
        } else if let medium = UInt16(exactly: value) {
            output += [UInt8(ascii: "M")] + littleEndian(medium)
        } else if let large = Int32(exactly: value) {
            output += [UInt8(ascii: "J")] + littleEndian(large)
        } else {
            output += [0x8a, 8] + littleEndian(Int64(value))
        }
    }

    private mutating func writeText(_ text: String) {
        let utf8 = Array(text.utf8)
        output += version >= 4 && utf8.count < 256 ? [0x8c, UInt8(utf8.count)] : [UInt8(ascii: "X")] + littleEndian(UInt32(utf8.count))
        output += utf8
        memoize()
    }

    private mutating func writeTuple(_ elements: [TestPickle]) {
        switch elements.count {
        case 0: return output.append(UInt8(ascii: ")"))
        case 1...3:
            elements.forEach { write($0) }
            output.append(0x84 + UInt8(elements.count))
        default: writeMarked(elements, end: "t")
        }
        memoize()
    }
}
