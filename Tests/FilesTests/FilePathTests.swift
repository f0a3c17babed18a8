import Foundation
import GraphTestSupport
import Testing

@testable import Files

@Suite struct FilePathTests {
    @Test(arguments: [
        ("m", "", "m"), ("a/b", "a", "b"), ("/m", "/", "m"), ("/", "/", "/"), ("a/", "", "a"), ("a//b//", "a", "b"), ("", "", ""),
        ("/a/b.c", "/a", "b.c"), ("../x", "..", "x"), ("é/ü", "é", "ü"), ("//x", "/", "x"),
    ])
    func parts(path: String, folder: String, name: String) {
        #expect(FilePath.folder(of: path) == folder)
        #expect(FilePath.name(of: path) == name)
    }

    /// Every path comes back as it was, whatever its bytes are, and different ones stay different.
    @Test func bytesThatAreNoText() {
        var generator = SeededGenerator(state: 7)
        let parts: [[UInt8]] = [
            Array("a/ü大".utf8), [0xff], [0xc3], [0xe2, 0x82], [0xee, 0xbe, 0x80], [0xee, 0xbf, 0xbf], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0x1b],
        ]
        var seen: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...6, using: &generator)).flatMap { _ in parts.randomElement(using: &generator)! }
            let text = FilePath.text(bytes)
            #expect(FilePath.bytes(text) == bytes)
            #expect(seen.updateValue(bytes, forKey: Array(text.utf8)) ?? bytes == bytes)
        }
        #expect(FilePath.text(Array("größe".utf8)) == "größe")
        #expect(FilePath.text([0x63, 0xe9]).printable == "c\\xe9")
    }

    @Test func folders() throws {
        try withScratchFolder { folder in
            // Swift takes the first two for equal.
            let names = ["\u{e9}", "e\u{301}", FilePath.text([0xe9]), ".x"]
            for name in names { try FilePath.makeFolder(FilePath.join(folder, "a/b/\(name)")) }
            let found = try FilePath.contents(of: folder + "/a/b").map { FilePath.bytes($0) }
            #expect(found == [Array(".x".utf8), [0x65, 0xcc, 0x81], [0xc3, 0xa9], [0xe9]])
            #expect(throws: InputError.self) { try FilePath.contents(of: folder + "/none") }
            #expect(throws: InputError.self) { try FilePath.makeFolder("/dev/null/x") }
        }
    }

    @Test func identities() throws {
        try withScratchFolder { folder in
            try FilePath.makeFolder(folder + "/a")
            _ = FileManager.default.createFile(atPath: folder + "/file", contents: nil)
            symlink("file", folder + "/link")
            symlink("a/new", folder + "/dead")
            func same(_ a: String, _ b: String) -> Bool { FileIdentity("\(folder)/\(a)") == FileIdentity("\(folder)/\(b)") }
            #expect(same("file", "./a/..//file") && same("file", "link") && same("dead", "a/new") && same("none/x", "./none/./y/../x") && same("a", "a/"))
            #expect(!same("file", "a") && !same("none", "none/x") && !same("\u{e9}", "e\u{301}") && !same("a/x", "x"))
        }
    }

    @Test func whatATerminalGets() {
        #expect("größe/大きさ".printable == "größe/大きさ")
        #expect("a\u{1b}[31m\n\u{9b}\u{202e}\u{e0001}".printable == #"a\u001b[31m\u000a\u009b\u202e\udb40\udc01"#)
        #expect("a\tb\n\r".printableLines == "a\tb\n\\u000d")
        #expect(InputError("is '\u{7}'", at: "x\ny").description == #"x\u000ay: is '\u0007'"#)
    }

    @Test func joining() {
        #expect(FilePath.join("a", "b") == "a/b" && FilePath.join("a/", "b") == "a/b" && FilePath.join("", "b") == "b" && FilePath.join("/", "b") == "/b")
    }
}
