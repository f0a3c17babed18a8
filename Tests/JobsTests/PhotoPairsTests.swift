import Files
import GraphTestSupport
import Images
import Testing

@testable import Jobs

@Suite struct PhotoPairsTests {
    private func pairs(_ images: [String], references: [String] = []) throws -> [String: String?] {
        try withScratchFolder { folder in
            for name in images.map({ "images/" + $0 }) + references.map({ "references/" + $0 }) {
                let path = "\(folder)/\(name)"
                try FilePath.makeFolder(FilePath.folder(of: path))
                try Photo(width: 2, height: 2, pixels: [UInt8](repeating: 9, count: 12)).write(
                    path, as: ImageFormats.named(path) as? any WritableImageCodec ?? PNGCodec())
            }
            let found = try PhotoPairs.find(folder + "/images", reference: references.isEmpty ? nil : folder + "/references")
            return Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.reference.map { String($0.dropFirst(folder.count + 1)) }) })
        }
    }

    @Test func byNamesWithoutTheirEndings() throws {
        #expect(
            try pairs(["a.png", "deep/b.jpg", "c.png"], references: ["a.tif", "deep/b.png", "b.png"])
                == ["a.png": "references/a.tif", "deep/b.jpg": "references/deep/b.png", "c.png": nil])
    }

    /// Blurred and sharp in one tree, as they are published.
    @Test(arguments: [
        ("GoPro", "GOPR0384_11_00/blur/000001.png", "GOPR0384_11_00/sharp/000001.png"), ("DVD", "720p_240fps_2/input/00000.jpg", "720p_240fps_2/GT/00000.jpg"),
        ("RealBlur", "scene001/blur/blur_1.png", "scene001/gt/gt_1.png"), ("REDS", "train_blur/000/00000000.png", "train_sharp/000/00000000.png"),
        ("HIDE", "test/test-close-ups/1fromGOPR0950.png", "GT/1fromGOPR0950.png"), ("flat", "input/GOPR0384-000001.png", "target/GOPR0384-000001.png"),
    ]) func dataSets(name: String, blurred: String, sharp: String) throws {
        #expect(try pairs([blurred, sharp]) == [blurred: "images/" + sharp], "\(name)")
        // Results in the same tree, or without the folder that says what they are, with the data set as their reference.
        #expect(try pairs([blurred], references: [blurred, sharp]) == [blurred: "references/" + sharp], "\(name)")
    }

    @Test func blurWithACamerasResponseIsTheSamePhotograph() throws {
        #expect(try pairs(["s/blur/1.png", "s/blur_gamma/1.png", "s/sharp/1.png"]).keys.sorted() == ["s/blur/1.png"])
        #expect(try pairs(["s/1.png"], references: ["s/blur/1.png", "s/sharp/1.png"]) == ["s/1.png": "references/s/sharp/1.png"])
    }

    @Test func withoutReferences() throws { #expect(try pairs(["RWBI/1/a.png", "RWBI/2/a.png"]) == ["RWBI/1/a.png": nil, "RWBI/2/a.png": nil]) }

    @Test func whatFitsNothing() throws {
        #expect(throws: InputError.self) { try pairs(["a.png"], references: ["b.png"]) }
        // Which of the two is the reference?
        #expect(throws: InputError.self) { try pairs(["a.png"], references: ["a.png", "a.jpg"]) }
        // A name alone says nothing where several have it.
        #expect(try pairs(["x/1.png", "y/2.png"], references: ["a/1.png", "b/1.png", "2.png"]) == ["x/1.png": nil, "y/2.png": "references/2.png"])
    }
}
