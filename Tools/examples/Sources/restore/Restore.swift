import DeblurDiff

/// Restores a picture: `restore MODEL IN.ppm OUT.ppm`.
@main struct Restore {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { throw InputError("three arguments are needed", advice: "restore MODEL IN.ppm OUT.ppm") }
        let picture = try PPM(reading: arguments[2])
        let model = try DeblurDiffModel(path: arguments[1])
        var options = RestorationOptions(defaultsOf: model.configuration)
        options.seed = 7
        for try await event in model.restore(picture.pixels, height: picture.height, width: picture.width, options: options) {
            switch event {
            case .progress(let progress): print("\(progress.phase), \(Int(100 * progress.share)) %")
            case .finished(let pixels): try PPM(pixels: pixels, height: picture.height, width: picture.width).write(arguments[3])
            }
        }
    }
}
