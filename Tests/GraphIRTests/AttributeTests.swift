import Files
import GraphIR
import Operators
import Tensors
import Testing

/// How stored properties become attributes and come back.
@Suite struct AttributeTests {
    /// All that an op may hold.
    private struct Everything: Op {
        static let family = OpFamily.other
        static let name = "everything"
        enum Word: String, Codable { case plain, twoWords = "two words" }
        var wholeNumber: Int
        var single: Float
        var double: Double
        var flag: Bool
        var text: String
        var word: Word
        var list: [Int]
        var lists: [[Float]]
        var words: [Word]
        var absent: Int?
        var present: Int?
        var aURLOfOldSpelling: Int

        func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { operands }
    }

    private let sample = Everything(
        wholeNumber: -3, single: 0.1, double: 0.1, flag: true, text: "a \"b\"\n\\", word: .twoWords, list: [], lists: [[1, .infinity], []],
        words: [.plain, .twoWords], absent: nil, present: 7, aURLOfOldSpelling: 1)

    @Test func propertiesBecomeAttributesInTheirOrder() {
        #expect(
            sample.attributes.description
                == #"{whole_number = -3, single = 0.1, double = 0.1, flag = true, text = "a \"b\"\n\\", word = "two words", list = [], "#
                + #"lists = [[1.0, inf], []], words = [plain, "two words"], present = 7, a_u_r_l_of_old_spelling = 1}"#)
    }

    @Test func attributesBecomePropertiesAgain() throws {
        let registry = OpRegistry([Everything.self])
        let text = "graph g {\n  input %x : f32[1]\n  %y = everything(%x) \(sample.attributes) : f32[1]\n  output y = %y\n}\n"
        let graph = try GraphParser.parse(text, registry: registry)
        #expect(graph[graph.order[0]].op.isEqual(to: sample))
        #expect(graph.text == text)
    }

    @Test func missingUnknownAndMisfittingAttributesAreRefused() throws {
        let registry = OpRegistry([Everything.self])
        var attributes = sample.attributes
        attributes["flag"] = nil
        try expect(registry, attributes, "'flag' is missing")
        attributes["flag"] = .integer(1)
        try expect(registry, attributes, "flag: expected true or false, found 1")
        attributes["flag"] = .bool(false)
        attributes["word"] = .string("third")
        try expect(registry, attributes, "word")
        attributes["word"] = .string("plain")
        attributes["list"] = .list([.integer(1), .string("two")])
        try expect(registry, attributes, "list: expected an integer, found two")
        attributes["list"] = .list([.integer(Attribute.integerLimit + 1)])
        try expect(registry, attributes, "at most 2^31")
        attributes["list"] = .list([])
        #expect(throws: Never.self) { try registry.makeOp("everything", attributes: attributes) }
        attributes["lis"] = .list([])
        try expect(registry, attributes, "no attribute 'lis'")
    }

    private func expect(_ registry: OpRegistry, _ attributes: AttributeDictionary, _ message: String) throws {
        let error = try #require(throws: InputError.self) { try registry.makeOp("everything", attributes: attributes) }
        #expect(error.description.contains(message), "\(error)")
    }

    @Test func opsAreEqualWhereTheirAttributesAre() {
        #expect(Scale(factor: 2).isEqual(to: Scale(factor: 2)))
        #expect(!Scale(factor: 2).isEqual(to: Scale(factor: 3)))
        #expect(!SiLU().isEqual(to: GELU()))
    }
}
