import Foundation
import GraphTestSupport
import Testing

@testable import Files

@Suite struct AtomicFileWriterTests {
    private func names(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [true, false])
    func aFileAppearsWhole(_ unnamed: Bool) throws {
        try withScratchFolder { folder in
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
        try withScratchFolder { folder in
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
        try withScratchFolder { folder in
            let writer = try AtomicFileWriter(path: folder + "/file")
            try writer.write(Array("x".utf8))
            // Some file systems have no unnamed files.
            #expect(try names(folder).allSatisfy { $0.hasSuffix(".partial") })
        }
    }

    @Test func permissionsFollowTheMask() throws {
        try withScratchFolder { folder in
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

    @Test(arguments: ["/", "", "/none/file", "/dev/null/file", "/tmp/none/", "/proc/self/fd/9999", "/tmp/" + String(repeating: "x", count: 256)])
    func whatIsNoPlaceForAFileIsRefused(_ path: String) throws {
        #expect(throws: InputError.self) { try AtomicFileWriter(path: path) }
    }

    private func write(_ content: String, to path: String, unnamed: Bool = true) throws {
        let writer = try AtomicFileWriter(path: path, canBeUnnamed: unnamed)
        try writer.write(Array(content.utf8))
        try writer.commit()
    }

    @Test(arguments: [true, false])
    func linksAreFollowed(_ unnamed: Bool) throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/sub", withIntermediateDirectories: false)
            try write("old", to: folder + "/sub/there")
            for (link, target) in [("live", "sub/there"), ("dead", "sub/new"), ("chain", "dead2"), ("dead2", folder + "/sub/far"), ("loop", "loop")] {
                symlink(target, "\(folder)/\(link)")
            }
            for link in ["live", "dead", "chain"] { try write(link, to: "\(folder)/\(link)", unnamed: unnamed) }
            #expect(throws: InputError.self) { try AtomicFileWriter(path: folder + "/loop") }
            #expect(try names(folder) == ["chain", "dead", "dead2", "live", "loop", "sub"])
            #expect(try names(folder + "/sub") == ["far", "new", "there"])
            for link in ["chain", "dead", "dead2", "live"] { #expect(FilePath.linkTarget("\(folder)/\(link)") != nil) }
            #expect(try text(folder + "/sub/there") == "live" && text(folder + "/sub/new") == "dead" && text(folder + "/sub/far") == "chain")
        }
    }

    @Test(arguments: [true, false])
    func theModeAndOwnerOfAReplacedFileStay(_ unnamed: Bool) throws {
        try withScratchFolder { folder in
            let path = folder + "/file"
            try write("old", to: path)
            chmod(path, 0o640)
            let isRoot = geteuid() == 0
            if isRoot { chown(path, 12345, 54321) }
            try write("new", to: path, unnamed: unnamed)
            let status = try #require(FileStatus(path))
            #expect(status.permissions == 0o640)
            #expect(!isRoot || status.owner == 12345 && status.group == 54321)
            #expect(try text(path) == "new")
        }
    }

    @Test func onlyFilesAreReplaced() throws {
        try withScratchFolder { folder in
            mkfifo(folder + "/pipe", 0o666)
            #expect(throws: InputError("is a pipe, and nothing is written there", at: folder + "/pipe", advice: "Name a file, or /dev/stdout.")) {
                try AtomicFileWriter(path: folder + "/pipe")
            }
            for path in ["/dev/null", "/dev/stdout", "/dev/full"] {
                let before = try #require(FileStatus(path, followingLinks: false))
                if path == "/dev/full" {
                    let error = try #require(throws: InputError.self) { try write("text", to: path) }
                    #expect(error.description.contains("No space left"))
                } else {
                    try write(path == "/dev/null" ? "text" : "", to: path)
                }
                let after = try #require(FileStatus(path, followingLinks: false))
                #expect(before.identity == after.identity && before.kind == after.kind)
            }
            // What has come to the place meanwhile stays there.
            for unnamed in [true, false] {
                let writer = try AtomicFileWriter(path: folder + "/late", canBeUnnamed: unnamed)
                symlink("elsewhere", folder + "/late")
                #expect(throws: InputError.self) { try writer.commit() }
                #expect(FilePath.linkTarget(folder + "/late") == "elsewhere")
                unlink(folder + "/late")
            }
            #expect(try names(folder) == ["pipe"])
        }
    }

    @Test func openFilesAreWrittenThrough() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let writer = try AtomicFileWriter(path: "/dev/fd/\(ends[1])")
        try writer.write(Array("XXXXX, all of it".utf8))
        try writer.rewrite(at: 0, Array("whole".utf8))
        try writer.commit()
        close(ends[1])
        let read = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile()
        #expect(String(decoding: read, as: UTF8.self) == "whole, all of it")
        let reading = open("/dev/null", O_RDONLY)
        defer { close(reading) }
        #expect(throws: InputError("is not open for writing", at: "/dev/fd/\(reading)")) { try AtomicFileWriter(path: "/dev/fd/\(reading)") }
    }

    /// As with `>>`: the file stays the one that is open, and keeps what it holds.
    @Test func openFilesThatAreAppendedToKeepTheirContents() throws {
        try withScratchFolder { folder in
            try write("old ", to: folder + "/log")
            let log = open(folder + "/log", O_WRONLY | O_APPEND)
            defer { close(log) }
            symlink("/proc/self/fd/\(log)", folder + "/link")
            try write("new", to: folder + "/link")
            #expect(try text(folder + "/log") == "old new")
        }
    }

    @Test func moreThanTheDiskHoldsIsRefused() throws {
        try withScratchFolder { folder in
            let writer = try AtomicFileWriter(path: folder + "/file")
            #expect(throws: Never.self) { try writer.requireSpace(1000) }
            let error = try #require(throws: InputError.self) { try writer.requireSpace(1 << 62) }
            #expect(error.description.contains("the disk has only"))
        }
    }
}
