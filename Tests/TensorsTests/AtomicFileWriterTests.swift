import Foundation
import Testing

@testable import Tensors

@Suite struct AtomicFileWriterTests {
    private func names(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [true, false])
    func aFileAppearsWhole(_ unnamed: Bool) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            for content in ["first", "second, which replaces it"] {
                let writer = try AtomicFileWriter(path: path, canBeUnnamed: unnamed)
                try writer.write(Array("XXXXX".utf8))
                try writer.write(Array(content.utf8.dropFirst(5)))
                try writer.rewrite(at: 0, Array(content.utf8.prefix(5)))
                try writer.commit()
                #expect(try text(path) == content)
                #expect(try names(folder) == ["file"])
            }
        }
    }

    @Test(arguments: [true, false])
    func nothingIsLeftOfAFileThatIsGivenUp(_ unnamed: Bool) throws {
        try withTemporaryFolder { folder in
            try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
            do {
                let writer = try AtomicFileWriter(path: folder + "/file", canBeUnnamed: unnamed)
                try writer.write(Array("new".utf8))
            }
            #expect(try names(folder) == ["file"])
            #expect(try text(folder + "/file") == "old")
        }
    }

    @Test func untilThenItHasNoName() throws {
        try withTemporaryFolder { folder in
            let writer = try AtomicFileWriter(path: folder + "/file")
            try writer.write(Array("x".utf8))
            // Some file systems have no unnamed files.
            #expect(try names(folder).isEmpty || names(folder) == ["file.\(getpid()).partial"])
        }
    }

    @Test func permissionsFollowTheMask() throws {
        try withTemporaryFolder { folder in
            var modes: [Int] = []
            for unnamed in [true, false] {
                let writer = try AtomicFileWriter(path: folder + "/\(unnamed)", canBeUnnamed: unnamed)
                try writer.commit()
                modes.append(try #require(FileManager.default.attributesOfItem(atPath: folder + "/\(unnamed)")[.posixPermissions] as? Int))
            }
            #expect(modes[0] == modes[1])
            #expect(modes[0] & 0o600 == 0o600)
        }
    }

    @Test(arguments: ["/dev/null", "/", "", "/none/file", "/dev/null/file"])
    func whatIsNoPlaceForAFileIsRefused(_ path: String) throws {
        #expect(throws: InputError.self) { try AtomicFileWriter(path: path) }
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func moreThanTheDiskHoldsIsRefused() throws {
        try withTemporaryFolder { folder in
            let writer = try AtomicFileWriter(path: folder + "/file")
            #expect(throws: Never.self) { try writer.requireSpace(1000) }
            let error = try #require(throws: InputError.self) { try writer.requireSpace(1 << 62) }
            #expect(error.description.contains("the disk has only"))
        }
    }
}
