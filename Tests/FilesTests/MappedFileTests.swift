import Foundation
import GraphTestSupport
import Testing

@testable import Files

@Suite struct MappedFileTests {
    /// Opening a pipe that nobody writes into would wait for ever.
    @Test(.timeLimit(.minutes(1))) func onlyRegularFilesAreOpened() throws {
        try withScratchFolder { folder in
            mkfifo(folder + "/pipe", 0o666)
            symlink("pipe", folder + "/link")
            for (path, what) in [(folder + "/pipe", "a pipe"), (folder + "/link", "a pipe"), (folder, "a folder"), ("/dev/zero", "a character device")] {
                #expect(throws: InputError("is \(what), not a regular file", at: path)) { try MappedFile(path: path) }
            }
            #expect(throws: InputError.self) { try MappedFile(path: folder + "/none") }
        }
    }

    @Test func filesOfAnyName() throws {
        try withScratchFolder { folder in
            for (index, name) in [FilePath.text([0x63, 0xe9]), "\u{e9}", "e\u{301}"].enumerated() {
                let writer = try AtomicFileWriter(path: "\(folder)/\(name)")
                try writer.write([UInt8(index)])
                try writer.commit()
            }
            #expect(try FilePath.contents(of: folder).count == 3)
            for (name, number) in [("e\u{301}", 2), (FilePath.text([0x63, 0xe9]), 0)] {
                let file = try MappedFile(path: "\(folder)/\(name)")
                #expect(file.withBytes { $0.first.map { Int($0) } } == number)
            }
        }
    }
}
