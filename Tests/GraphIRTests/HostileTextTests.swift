import Files
import Foundation
import GraphIR
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Whatever a file holds, reading it ends with a graph or an error, never with a crash.
@Suite struct HostileTextTests {
    /// Reads a text and, where it is a graph, does with it what a program does before it runs one.
    private func read(_ text: String) {
        guard let graph = try? GraphParser.parse(text, registry: .standard) else { return }
        #expect(Verifier.violations(graph).isEmpty)
        #expect(graph.floatingPointOperations >= 0)
        #expect((try? GraphParser.parse(graph.text, registry: .standard))?.text == graph.text)
        guard let input = graph.inputs.first else { return }
        let shape = graph.type(input).shape
        for size in [0, 1, 3, 1 << 20, 1 << 31] {
            var type = graph.type(input)
            type.shape = Shape(shape.dimensions.map { _ in size })
            _ = try? graph.specialized([graph[input].name: type])
        }
    }

    @Test(arguments: OpSamples.all)
    func everyBeginningOfAText(_ sample: (op: String, text: String)) {
        let bytes = Array(sample.text.utf8)
        for count in bytes.indices { read(String(decoding: bytes[..<count], as: UTF8.self)) }
    }

    private static let numbers = [
        "0", "-1", "1", "2", "3", "255", "1023", "1024", "65536", "2147483647", "2147483648", "-2147483648", "2147483649", "4294967296",
        "1099511627776", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e308", "1e999", "nan", "inf", "-inf", "1.5",
        "true", "[]", "{}", "\"\"", "[1, [2, [3]]]",
    ]

    /// The attributes and sizes of each op replaced by every hostile number, one at a time and two at a time.
    @Test(arguments: OpSamples.all)
    func everyNumberReplaced(_ sample: (op: String, text: String)) {
        let places = sample.text.matches(of: /-?[0-9]+(\.[0-9]+)?/).map(\.range)
        for (index, place) in places.enumerated() {
            for number in Self.numbers {
                let once = sample.text.replacingCharacters(in: place, with: number)
                read(once)
                // The types behind an op are those that follow, so that the graph is accepted wherever it can be.
                for other in places[(index + 1)...].prefix(3) {
                    read(sample.text.replacingCharacters(in: other, with: number).replacingCharacters(in: place, with: number))
                }
            }
        }
    }

    /// Inference alone, without declared types that would have to fit: attributes and operand types are hostile at once.
    @Test(arguments: OpSamples.all)
    func hostileOperandTypes(_ sample: (op: String, text: String)) throws {
        let graph = try GraphParser.parse(sample.text, registry: .standard)
        let node = graph[graph.order[0]]
        var random = SeededGenerator(state: 11)
        let sizes = [0, 1, 2, 3, 4, 8, 31, 64, 1 << 20, 1 << 30, 1 << 31]
        for round in 0..<3000 {
            var types = graph.operandTypes(node)
            for index in types.indices where round == 0 || Int.random(in: 0..<2, using: &random) == 0 {
                let rank = Int.random(in: 0..<6, using: &random)
                types[index].shape = Shape((0..<rank).map { _ in sizes.randomElement(using: &random)! })
                types[index].elementType = ElementType.allCases.randomElement(using: &random)!
                types[index].layout = rank == 4 && Bool.random(using: &random) ? .channelsLast : .rowMajor
            }
            guard types.allSatisfy({ (try? Graph.check($0)) != nil }), let results = try? node.op.inferTypes(types),
                results.allSatisfy({ (try? Graph.check($0)) != nil })
            else { continue }
            #expect(node.op.floatingPointOperations(operands: types, results: results) >= 0)
        }
    }

    @Test func randomChanges() {
        var random = SeededGenerator(state: 5)
        // Longer for a thorough search: FUZZ_SECONDS=600 swift test --filter HostileTextTests
        let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap(Double.init) ?? 2
        if seconds > 10 { random.state = UInt64(Date().timeIntervalSince1970) }
        let end = Date(timeIntervalSinceNow: seconds)
        let texts = OpSamples.all.map { Array($0.text.utf8) }
        let words = Self.numbers + ["%x", "@w", "f32", "f16", "i32", "{", "}", "[", "]", "(", ")", ",", ":", "=", "input", "from %q"]
        while Date() < end {
            for _ in 0..<200 {
                var bytes = texts.randomElement(using: &random)!
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<5, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(contentsOf: words.randomElement(using: &random)!.utf8, at: place)
                    case 3:
                        let other = texts.randomElement(using: &random)!
                        bytes.replaceSubrange(place..., with: other[Int.random(in: 0..<other.count, using: &random)...])
                    default:
                        let end = min(bytes.count, place + Int.random(in: 1..<40, using: &random))
                        bytes.insert(contentsOf: bytes[place..<end], at: place)
                    }
                    if bytes.isEmpty { bytes = [0] }
                }
                read(String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    @Test(arguments: ["{", "[", "(", "%", "@", "\"", "\\", "#", "graph g {", "graph g { input %x : f32[", "graph g { %x = a() {a = "])
    func longRepetitions(_ piece: String) {
        read(String(repeating: piece, count: 200_000))
        read("graph g { input %x : f32[1] %y = scale(%x) {factor = " + String(repeating: piece, count: 100_000))
    }

    @Test func aMillionDimensionsAndOperands() {
        let ones = Array(repeating: "1", count: 100_000).joined(separator: ", ")
        read("graph g {\n  input %x : f32[\(ones)]\n  %y = flatten(%x) {first = 0, last = -1} : f32[1]\n  output y = %y\n}\n")
        read("graph g {\n  input %x : f32[1]\n  %y = unflatten(%x) {axis = 0, sizes = [\(ones)]} : f32[\(ones)]\n  output y = %y\n}\n")
        let operands = Array(repeating: "%x", count: 100_000).joined(separator: ", ")
        read("graph g {\n  input %x : f32[1]\n  %y = concat(\(operands)) {axis = 0} : f32[100000]\n  output y = %y\n}\n")
    }

    /// A long text takes time proportional to its length.
    @Test(.timeLimit(.minutes(1))) func aHundredThousandNodes() throws {
        var lines = ["graph g {", "  input %v0 : f32[4]"]
        for index in 0..<100_000 { lines.append("  %v\(index + 1) = silu(%v\(index)) : f32[4]") }
        lines += ["  output y = %v100000", "}", ""]
        let text = lines.joined(separator: "\n")
        #expect(try GraphParser.parse(text, registry: .standard).text == text)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        var result = self
        result.replaceSubrange(range, with: text)
        return result
    }
}
