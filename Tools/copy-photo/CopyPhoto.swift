import ArgumentParser
import Files
import Images

/// What `deblurdiff run` does to a photograph, without the networks.
@main
struct CopyPhoto: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy-photo",
        abstract: "Read a photograph, make its colours what the networks take, bring them back, and write it; for tests with other programs.")

    @Argument var input: String
    @Argument(help: "Its ending says the format.") var output: String

    @Flag(help: "Write what the networks take: sRGB of 16 bits.") var planes = false

    @Flag(help: "As run has it.") var stripMetadata = false

    @Option var quality = 95

    @Option var maxPixels = ReadingLimits().pixelCount

    func run() throws {
        guard let format = ImageFormats.named(output) as? any WritableImageCodec else { throw InputError("is of no format that is written", at: output) }
        var options = WritingOptions()
        options.quality = quality
        let photo = try Photo(reading: input, limits: ReadingLimits(pixelCount: maxPixels)) { print("warning: \($0)") }
        let colors = photo.planes()
        guard !planes else {
            let empty = Samples.sixteen([UInt16](repeating: 0, count: photo.width * photo.height * 3))
            return try Photo(width: photo.width, height: photo.height, samples: empty).restored(colors).write(output, as: format, options: options)
        }
        let restored = photo.restored(colors)
        try restored.withMetadata(stripMetadata ? restored.metadata.stripped : restored.metadata).write(output, as: format, options: options)
    }
}
