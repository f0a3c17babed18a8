import Files
import Foundation
import Tensors
import Testing

@testable import DeblurDiff

@Suite struct TokenizerTests {
    private struct Expected: Decodable {
        struct Case: Decodable {
            var prompt: String
            var tokens: [Int32]
        }
        var merges: String
        var mergeCount: Int
        var cases: [Case]
    }

    private let expected: Expected
    private let tokenizer: Tokenizer

    init() throws {
        expected = try fixture("tokens")
        tokenizer = try Tokenizer(mergesText: expected.merges, mergeCount: expected.mergeCount)
    }

    @Test func givesOpenCLIPsTokens() {
        for sample in expected.cases {
            let tokens = tokenizer.encode(sample.prompt)
            #expect(tokens.count == 77)
            #expect(Array(tokens.prefix(sample.tokens.count)) == sample.tokens, "\(sample.prompt)")
            #expect(tokens.dropFirst(sample.tokens.count).allSatisfy { $0 == 0 })
        }
    }

    /// Broken encodings, entities and escapes are put right as the original's library does, and the spaces and capitals are the same.
    @Test func cleansTextAsTheOriginal() throws {
        let cases: [[String]] = try fixture("prompt_texts")
        #expect(cases.count > 150)
        for pair in cases {
            #expect(PromptText.clean(pair[0]) == Array(pair[1].unicodeScalars), "\(pair[0])")
        }
    }

    /// Nesting that would never end is cut off.
    @Test(.timeLimit(.minutes(1))) func takesEndlessNesting() {
        #expect(!PromptText.clean("&" + String(repeating: "amp;", count: 20_000)).isEmpty)
        #expect(PromptText.clean(String(repeating: "Ã", count: 50_000)).count == 50_000)
        #expect(!PromptText.clean(String(repeating: "Ã©", count: 50_000)).isEmpty)
    }

    /// The tokens that the released program's tokenizer gives, with the vocabulary file that `DEBLURDIFF_VOCAB` names.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["DEBLURDIFF_VOCAB"] != nil)) func givesTheReleasedTokens() throws {
        let path = try #require(ProcessInfo.processInfo.environment["DEBLURDIFF_VOCAB"])
        let tokenizer = try Tokenizer(mergesText: Tokenizer.readMerges(path))
        let cases: [ReleasedPrompt] = try fixture("released_prompts")
        #expect(cases.count == 40)
        for sample in cases {
            #expect(tokenizer.encode(sample.prompt) == sample.tokens + [Int32](repeating: 0, count: 77 - sample.tokens.count), "\(sample.prompt)")
        }
    }

    private struct ReleasedPrompt: Decodable {
        var prompt: String
        var tokens: [Int32]
    }

    @Test func emptyPromptNeedsNoVocabulary() throws {
        #expect(Tokenizer.empty() == [49406, 49407] + [Int32](repeating: 0, count: 75))
        #expect(Tokenizer.empty(2) == [49406, 49407])
        #expect(tokenizer.encode("") == [tokenizer.startToken, tokenizer.endToken] + [Int32](repeating: 0, count: 75))
        #expect(Tokenizer.isEmpty(" \n&nbsp;\u{0}"))
        #expect(!Tokenizer.isEmpty("."))
    }

    @Test func keepsTheEndMark() {
        let tokens = tokenizer.encode("the the the the", contextLength: 4)
        #expect(tokens.count == 4 && tokens.first == tokenizer.startToken && tokens.last == tokenizer.endToken)
        #expect(tokenizer.encode("the", contextLength: 2) == [tokenizer.startToken, tokenizer.endToken])
    }

    /// Neither one endless word nor endlessly many may take long.
    @Test(.timeLimit(.minutes(1))) func takesAnyPrompt() {
        let letters = String(repeating: "thequalityaaaablur", count: 20_000)
        #expect(tokenizer.encode(letters).last == tokenizer.endToken)
        #expect(tokenizer.encode(String(repeating: "!?(", count: 50_000)).last == tokenizer.endToken)
        #expect(tokenizer.encode(String(repeating: "&amp;", count: 50_000)).count == 77)
        #expect(tokenizer.encode(String(repeating: "a b ", count: 50_000)).last == tokenizer.endToken)
        #expect(tokenizer.encode(String(decoding: (0...255).map { UInt8($0) }, as: UTF8.self)).count == 77)
    }

    @Test func refusesBrokenVocabularies() {
        for (text, problem) in [
            ("", "has 0 merges"), ("# only a comment\n", "has 0 merges"), ("#\na b\n", "has 1 merges"),
            ("#\na b\nab c d\n", "line 3"), ("#\na b\nabc\n", "line 3"), ("#\nxy z\na b\n", "line 2"),
            ("#\na</w> b\nc d\n", "line 2"),
            ("#\na b\n\n", "has 1 merges"), ("#\n\na b\n", "line 2"), ("#\na 你\na b\n", "line 2"),
        ] {
            let error = #expect(throws: InputError.self, "\(text)") { try Tokenizer(mergesText: text, mergeCount: 2) }
            #expect(error?.what.contains(problem) == true, "\(text): \(error?.description ?? "")")
        }
    }

    @Test func readsTextAndGzip() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ bytes: [UInt8]) throws -> String {
            let url = folder.appendingPathComponent(UUID().uuidString)
            try Data(bytes).write(to: url)
            return url.path
        }
        let text = "#version: 0.2\na b\nab c</w>\n"
        #expect(try Tokenizer.readMerges(write(Array((text + "d e\n").utf8)), mergeCount: 2) == text)
        #expect(try Tokenizer.readMerges(write(Array("#version: 0.2\r\na b\r\nab c</w>\r\n".utf8)), mergeCount: 2) == text)

        // Python's gzip.compress of the same text.
        let gzip: [UInt8] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 83, 46, 75, 45, 42, 206, 204, 207, 179, 82, 48, 208, 51, 226, 74, 84, 72,
            226, 74, 76, 82, 72, 182, 209, 47, 183, 227, 2, 0, 31, 176, 14, 232, 27, 0, 0, 0,
        ]
        #expect(try Tokenizer.readMerges(write(gzip), mergeCount: 2) == text)
        for count in 0..<gzip.count {
            #expect(throws: InputError.self) { try Tokenizer.readMerges(write(Array(gzip.prefix(count))), mergeCount: 2) }
        }
        for place in 10..<gzip.count {
            var changed = gzip
            changed[place] ^= 0x55
            #expect(throws: InputError.self) { try Tokenizer.readMerges(write(changed), mergeCount: 2) }
        }
        // 17 MB of line feeds in 17 KB.
        let bomb = try #require(Bundle.module.url(forResource: "Fixtures/bomb", withExtension: "gz"))
        let tooLarge = #expect(throws: InputError.self) { try Tokenizer.readMerges(bomb.path) }
        #expect(tooLarge?.what.contains("too large") == true)
        #expect(throws: InputError.self) { try Tokenizer.readMerges(folder.path) }
        #expect(throws: InputError.self) { try Tokenizer.readMerges(folder.appendingPathComponent("absent").path) }
        #expect(throws: InputError.self) { try Tokenizer.readMerges(write([0xff, 0xfe, 0])) }
        let error = #expect(throws: InputError.self) { try Tokenizer.readMerges(write([UInt8](repeating: 10, count: 17 << 20))) }
        #expect(error?.what.contains("too large") == true)
    }
}
