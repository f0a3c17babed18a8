import Files
import Foundation
import GraphTestSupport
import Images
import Jobs
import Testing

@Suite struct PhotoListTests {
    private func photo(_ path: String) throws {
        try FilePath.makeFolder(FilePath.folder(of: path))
        try Photo(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12)).write(
            path, as: ImageFormats.named(path) as? any WritableImageCodec ?? PNGCodec())
    }

    private func list(_ inputs: [String], _ output: String, format: (any WritableImageCodec)? = nil) throws -> PhotoList {
        try PhotoList(inputs: inputs, output: output, format: format, writes: [], reads: [])
    }

    @Test func treesAreKept() throws {
        try withScratchFolder { folder in
            for name in ["a.png", "b.jpg", "deep/er/c.png", "deep/d.webp", ".hidden/e.png", "out/f.png"] { try photo("\(folder)/in/\(name)") }
            try write([1, 2, 3], to: folder + "/in/notes.txt")
            try write([1, 2, 3], to: folder + "/in/raw.cr2")
            symlink(folder + "/in", folder + "/in/deep/loop")
            // The results of an earlier run are no photographs to restore.
            let list = try list([folder + "/in"], folder + "/in/out")
            let below = list.jobs.map { String($0.input.dropFirst(folder.count)) }
            #expect(below == ["/in/a.png", "/in/b.jpg", "/in/deep/d.webp", "/in/deep/er/c.png"])
            #expect(
                list.jobs.map { String($0.output.dropFirst(folder.count)) } == [
                    "/in/out/a.png", "/in/out/b.jpg", "/in/out/deep/d.webp", "/in/out/deep/er/c.png",
                ])
            #expect(list.remarks.count == 1 && list.remarks[0].contains("1 link to a folder") && list.remarks[0].contains("1 other file"))
            #expect(try PhotoList.photographs([folder + "/in"]).count == 5)
        }
    }

    @Test func namesFollowTheFormat() throws {
        try withScratchFolder { folder in
            for name in ["a.png", "a.jpg", "b.tif", "c"] { try photo("\(folder)/in/\(name)") }
            let list = try list([folder + "/in"], folder + "/out", format: JPEGCodec())
            // The name of a.jpg is taken, so that a.png keeps its own in front.
            #expect(list.jobs.map { FilePath.name(of: $0.output) } == ["a.jpg", "a.png.jpg", "b.jpg", "c.jpg"])
            #expect(list.jobs.allSatisfy { $0.format.name == "JPEG" })
        }
    }

    @Test func severalNeedAFolder() throws {
        try withScratchFolder { folder in
            for name in ["a.png", "b.png"] { try photo("\(folder)/\(name)") }
            let both = [folder + "/a.png", folder + "/b.png"]
            #expect(throws: InputError.self) { try list(both, folder + "/c.png") }
            #expect(throws: InputError.self) { try list(both, folder + "/a.png") }
            #expect(throws: InputError.self) { try list([folder + "/a.png", folder + "/../\(FilePath.name(of: folder))/a.png"], folder + "/out") }
            #expect(throws: InputError.self) { try list([folder + "/a.png"], folder + "/a.png") }
            #expect(try list(both, folder + "/out").folder == folder + "/out")
            #expect(try list([folder + "/a.png"], folder + "/new.jpg").jobs[0].format.name == "JPEG")
        }
    }
}
