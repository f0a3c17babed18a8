import Files
import Tensors

/// Reads a pickle of protocol 2 to 5 as data. It knows the instructions that `torch.save` writes and the names in ``PickleGlobal``; it calls nothing,
/// imports nothing, and refuses everything else by name.
///
/// Every loop advances in the pickle, the number of instructions is bounded, and all that is kept is counted (``PickleHeap/take(_:)``), so time and memory are
/// bounded too.
/// The instructions are described in CPython's `Lib/pickletools.py`.
struct Unpickler {
    /// Far beyond any checkpoint (a tensor takes some thirty).
    private static let instructionLimit = 16_000_000
    private static let depthLimit = 64

    var reader: BoundedReader
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// The most values that were on the stack.
    private var deepest = 0
    let heap: PickleHeap

    /// - Parameter heap: keeps what is read alive, and frees it without recursion.
    init(_ reader: BoundedReader, heap: PickleHeap) {
        self.reader = reader
        self.heap = heap
    }

    /// Reads one pickle, up to its end mark. ``reader`` is then behind it.
    mutating func read() throws -> PickleValue {
        let start = reader.position - heap.bytesRead
        guard try reader.number(UInt8.self) == 0x80 else { throw Unpickler.notSupported("a pickle older than protocol 2") }
        let version = try reader.number(UInt8.self)
        guard (2...5).contains(version) else { throw Unpickler.notSupported("pickle protocol \(version)") }
        for _ in 0..<Unpickler.instructionLimit {
            heap.bytesRead = max(heap.bytesRead, reader.position - start)
            let instruction = try reader.number(UInt8.self)
            if instruction == UInt8(ascii: ".") { return try pop() }
            try execute(instruction)
        }
        throw InputError("the pickle is larger than any checkpoint needs")
    }

    private mutating func execute(_ instruction: UInt8) throws {
        switch instruction {
        // Plain values.
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "J"): try push(.int(Int(try reader.number(Int32.self))))
        case UInt8(ascii: "K"): try push(.int(Int(try reader.number(UInt8.self))))
        case UInt8(ascii: "M"): try push(.int(Int(try reader.number(UInt16.self))))
        case 0x8a: try pushLong(byteCount: Int(try reader.number(UInt8.self)))
        case 0x8b: try pushLong(byteCount: Int(try reader.number(Int32.self)))
        case UInt8(ascii: "G"): try push(.float(Double(bitPattern: try reader.number(UInt64.self).byteSwapped)))
        case UInt8(ascii: "X"): try pushText(Int(try reader.number(UInt32.self)))
        case 0x8c: try pushText(Int(try reader.number(UInt8.self)))
        case 0x8d: try pushText(try reader.size64())
        // Strings of Python 2.
        case UInt8(ascii: "U"): try pushText(Int(try reader.number(UInt8.self)))
        case UInt8(ascii: "T"): try pushText(Int(try reader.number(Int32.self)))
        case UInt8(ascii: "C"): try push(.bytes(try reader.take(Int(try reader.number(UInt8.self)))))
        case UInt8(ascii: "B"): try push(.bytes(try reader.take(Int(try reader.number(UInt32.self)))))
        case 0x8e, 0x96: try push(.bytes(try reader.take(try reader.size64())))

        // Containers.
        case UInt8(ascii: "("):
            try heap.take(16)
            marks.append(stack.count)
        case UInt8(ascii: ")"): try pushTuple([])
        case 0x85: try pushTuple(popLast(1))
        case 0x86: try pushTuple(popLast(2))
        case 0x87: try pushTuple(popLast(3))
        case UInt8(ascii: "t"): try pushTuple(popToMark())
        case UInt8(ascii: "]"): try push(.list(heap.makeList()))
        case UInt8(ascii: "l"):
            try push(.list(heap.makeList(try popToMark())))
        case UInt8(ascii: "a"): try append(popLast(1))
        case UInt8(ascii: "e"): try append(popToMark())
        case UInt8(ascii: "}"): try push(.dictionary(heap.makeDictionary()))
        case UInt8(ascii: "d"):
            let items = try popToMark()
            try push(.dictionary(heap.makeDictionary()))
            try setItems(items)
        case UInt8(ascii: "s"): try setItems(popLast(2))
        case UInt8(ascii: "u"): try setItems(popToMark())
        case 0x8f: try push(.opaque)
        case 0x90: _ = try popToMark()
        case 0x91:
            _ = try popToMark()
            try push(.opaque)

        // The stack and the memo.
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(try top())
        case UInt8(ascii: "q"): try memoize(Int(try reader.number(UInt8.self)))
        case UInt8(ascii: "r"): try memoize(Int(try reader.number(UInt32.self)))
        case 0x94: try memoize(memo.count)
        case UInt8(ascii: "h"): try pushMemo(Int(try reader.number(UInt8.self)))
        case UInt8(ascii: "j"): try pushMemo(Int(try reader.number(UInt32.self)))
        case 0x95: try checkFrame()

        // Names, and what is made from them.
        case UInt8(ascii: "c"):
            let module = try line()
            try pushGlobal(module: module, name: try line())
        case 0x93:
            let names = try popLast(2)
            guard let module = names[0].text, let name = names[1].text else { throw Unpickler.damaged("a name is not text") }
            try pushGlobal(module: module, name: name)
        case UInt8(ascii: "R"), 0x81:
            let parts = try popLast(2)
            try push(try make(parts[0], parts[1]))
        case 0x92:
            let parts = try popLast(3)
            try push(try make(parts[0], parts[1]))
        case UInt8(ascii: "b"):
            // The attributes of a container or a tensor; no tensor needs them.
            _ = try pop()
            _ = try top()
        case UInt8(ascii: "Q"):
            let identifier = try pop()
            try push(try storage(for: identifier))
        default: throw Unpickler.notSupported("pickle instruction 0x\(String(instruction, radix: 16))")
        }
    }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) throws {
        stack.append(value)
        guard stack.count > deepest else { return }
        deepest = stack.count
        try heap.take(PickleHeap.elementBytes)
    }

    private func top() throws -> PickleValue {
        guard let value = stack.last, stack.count > marks.last ?? 0 else { throw Unpickler.damaged("its stack is empty") }
        return value
    }

    private mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func popLast(_ count: Int) throws -> [PickleValue] {
        guard stack.count - count >= marks.last ?? 0 else { throw Unpickler.damaged("its stack is empty") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw Unpickler.damaged("a mark is missing") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func pushMemo(_ index: Int) throws {
        guard let value = memo[index] else { throw Unpickler.damaged("it refers to a value that is not there") }
        try push(value)
    }

    private mutating func memoize(_ index: Int) throws {
        try heap.take(2 * PickleHeap.elementBytes)
        memo[index] = try top()
    }

    // MARK: Values

    private mutating func pushLong(byteCount: Int) throws {
        let bytes = try reader.take(byteCount)
        guard byteCount <= 8 else { return try push(.opaque) }
        var value = Int(bytes.last.map { $0 >= 0x80 ? -1 : 0 } ?? 0)
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        try push(.int(value))
    }

    private mutating func pushText(_ byteCount: Int) throws {
        let bytes = try reader.take(byteCount)
        try heap.take(byteCount + 32)
        // Python lets lone surrogates through; no key has any.
        try push(String(validating: bytes, as: UTF8.self).map(PickleValue.string) ?? .opaque)
    }

    private mutating func line() throws -> String {
        var end = reader.position
        while end < reader.bytes.count, reader.bytes[end] != 0x0a, end - reader.position < 1024 { end += 1 }
        let bytes = try reader.take(end - reader.position)
        guard try reader.number(UInt8.self) == 0x0a, let text = String(validating: bytes, as: UTF8.self) else {
            throw Unpickler.damaged("a name has no end")
        }
        return text
    }

    private mutating func checkFrame() throws {
        let length = try reader.size64()
        guard length <= reader.remaining else {
            throw InputError("the pickle ends too early", advice: "The file was cut short; download or copy it again.")
        }
    }

    private mutating func pushTuple(_ elements: [PickleValue]) throws {
        try heap.take(64 + PickleHeap.elementBytes / 2 * elements.count)
        let tuple = PickleTuple(elements)
        guard tuple.depth <= Unpickler.depthLimit else { throw InputError("the pickle is nested more deeply than any checkpoint") }
        try push(.tuple(tuple))
    }

    private mutating func append(_ elements: [PickleValue]) throws {
        switch try top() {
        case .list(let list):
            try heap.take(PickleHeap.elementBytes * elements.count)
            list.elements += elements
        case .opaque: break
        default: throw Unpickler.damaged("it appends to what is no list")
        }
    }

    private mutating func setItems(_ items: [PickleValue]) throws {
        guard items.count.isMultiple(of: 2) else { throw Unpickler.damaged("a key has no value") }
        switch try top() {
        case .dictionary(let dictionary):
            try heap.take(PickleHeap.elementBytes * items.count)
            for index in stride(from: 0, to: items.count, by: 2) { dictionary.pairs.append((items[index], items[index + 1])) }
        case .opaque: break
        default: throw Unpickler.damaged("it sets an item of what is no dictionary")
        }
    }

    private mutating func pushGlobal(module: String, name: String) throws {
        guard let global = PickleGlobal(module: module, name: name) else { throw Unpickler.refused("\(module).\(name)") }
        try push(.global(global))
    }

    private func make(_ callable: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
        guard case .global(let global) = callable, case .tuple(let arguments) = arguments else {
            throw Unpickler.damaged("it calls what is no name")
        }
        return try global.make(from: arguments.elements, heap)
    }

    // MARK: Errors

    static func damaged(_ what: String) -> InputError {
        InputError("the pickle is damaged: \(what)", advice: "Download or copy the file again.")
    }

    static func notSupported(_ what: String) -> InputError {
        InputError("uses \(what), which torch.save does not write", advice: "Load it with PyTorch and save its state dict again.")
    }

    static func refused(_ name: String) -> InputError {
        InputError(
            "refuses to load: the pickle asks for '\(name)', which no tensor needs",
            advice: "A pickle can run any code when Python loads it; here nothing runs. If you trust the file, load it with PyTorch and "
                + "save only its tensors: torch.save(model.state_dict(), path).")
    }
}
