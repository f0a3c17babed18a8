import DeblurDiff
import Files
import GraphTestSupport
import Images
import Jobs
import Tensors
import Testing

/// Pictures that explain a result.
@Suite(.serialized) struct ViewTests {
    private let view = { (name: String) in RestorationViews.all.first { $0.name == name }! }

    /// Kernels of 3 x 3 for two channels on 4 x 2 positions of 8 pixels: one weight each.
    private func material(_ tap: (_ y: Int, _ x: Int) -> Int) -> ViewMaterial {
        let (height, width) = (2, 4)
        var floats = [Float](repeating: 0, count: 18 * height * width)
        for channel in 0..<2 {
            for y in 0..<height { for x in 0..<width { floats[((channel * 9 + tap(y, x)) * height + y) * width + x] = 1 } }
        }
        let kernels = Tensor(floats, shape: [1, 18, height, width])
        let photo = Photo(width: 30, height: 16, pixels: [UInt8](repeating: 60, count: 30 * 16 * 3))
        let result = Photo(width: 30, height: 16, pixels: [UInt8](repeating: 200, count: 30 * 16 * 3))
        return ViewMaterial(
            photo: photo, result: result, stepCount: 5, latentFactor: 8, kernelSize: 3, guidance: [0: kernels, 1: kernels, 2: kernels, 4: kernels],
            kernels: [4: kernels], decode: { _ in Photo(width: 30, height: 16, pixels: [UInt8](repeating: 120, count: 30 * 16 * 3)) })
    }

    private func color(_ photo: Photo, _ x: Int, _ y: Int) -> [Int] { (0..<3).map { Int(photo.pixels[(y * photo.width + x) * 3 + $0]) } }

    @Test func theBlurMapHasTheKernelsDirections() throws {
        // To the right, down, left, and the middle.
        let map = try view("blur-map").picture(material { _, x in [5, 7, 3, 4][x] })
        #expect((map.width, map.height) == (30, 16))
        let colors = [4, 12, 20, 28].map { color(map, $0, 4) }
        #expect(colors[0][0] > colors[0][1] && colors[0][0] > colors[0][2], "red to the right: \(colors)")
        #expect(colors[1][1] > colors[1][2] && colors[1][0] > colors[1][2], "yellow-green down: \(colors)")
        #expect(colors[2][1] > colors[2][0] && colors[2][2] > colors[2][0], "cyan to the left: \(colors)")
        #expect(Set(colors[3]).count == 1, "no colour in the middle: \(colors)")
    }

    @Test func kernelsStandWhereTheyAre() throws {
        let sheet = try view("kernels").picture(material { y, x in y == 0 && x == 0 ? 0 : 8 })
        // The top left one has its weight at its top left, all others at the bottom right; the middle has the photograph's own.
        #expect(color(sheet, 10, 10) == [255, 0, 0] && color(sheet, 6 + 20, 6 + 20) == [255, 255, 255])
        #expect(color(sheet, 36 + 2, 10) == [255, 255, 255] && color(sheet, 36 + 20, 6 + 20) == [255, 0, 0])
        #expect(color(sheet, 6 + 12, 6 + 12) == [255, 0, 0] && (sheet.width, sheet.height) == (4 * 30 + 6, 2 * 30 + 6))
    }

    @Test func theContactSheetHasThemInOrder() throws {
        #expect(view("contact-sheet").steps(of: 5) == [0, 1, 2, 4] && view("contact-sheet").steps(of: 1) == [0])
        let sheet = try view("contact-sheet").picture(material { _, _ in 4 })
        #expect((sheet.width, sheet.height) == (3 * 38 + 8, 2 * 24 + 8))
        let grays = [(20, 12), (58, 12), (96, 12), (20, 36), (58, 36), (96, 36)].map { color(sheet, $0.0, $0.1)[0] }
        #expect(grays == [60, 120, 120, 120, 120, 200] && color(sheet, 2, 2) == [255, 255, 255])
    }

    @Test func theyAreMadeBesideTheSameResult() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let pixels = (0..<24 * 40 * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
            try Photo(width: 40, height: 24, pixels: pixels).writePNG(folder + "/a.png")
            var options = RestorationOptions()
            options.steps = 5
            var settings = RestorationSettings(restoration: options, program: "tests")
            try PhotoRestorer(model: model, settings: settings).restore([PhotoJob(input: folder + "/a.png", output: folder + "/plain.png", format: PNGCodec())])
            settings.views = RestorationViews.all.map { ($0, "\(folder)/\($0.name).png") }
            let reports = try PhotoRestorer(model: model, settings: settings).restore([
                PhotoJob(input: folder + "/a.png", output: folder + "/b.png", format: PNGCodec())
            ])
            #expect(reports[0].state == .done, "\(reports)")
            let isSame = try Photo(reading: folder + "/plain.png").pixels == Photo(reading: folder + "/b.png").pixels
            #expect(isSame)
            let sheet = try Photo(reading: folder + "/contact-sheet.png")
            #expect((sheet.width, sheet.height) == (3 * 48 + 8, 2 * 32 + 8))
            #expect(try Photo(reading: folder + "/blur-map.png").width == 40)
            #expect(try Photo(reading: folder + "/kernels.png").width > 40)
            settings.restoration.tiled = true
            #expect(throws: InputError.self) { try PhotoRestorer(model: model, settings: settings) }
        }
    }
}
