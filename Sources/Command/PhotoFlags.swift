import ArgumentParser
import Images

/// Options of every command that reads photographs.
struct ReadingFlags: ParsableArguments {
    @Option(help: ArgumentHelp("Refuse photographs with more pixels; 300M is 300 million.", valueName: "n"))
    var maxPixels = PixelCount(ReadingLimits().pixelCount)

    var limits: ReadingLimits { ReadingLimits(pixelCount: maxPixels.value) }
}

/// A number of pixels, in millions with an M.
struct PixelCount: ExpressibleByArgument {
    var value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
        let isMillions = argument.last == "M" || argument.last == "m"
        guard let number = Int(isMillions ? String(argument.dropLast()) : argument), (1...1 << 40).contains(number) else { return nil }
        // More do not fit into the numbers of the libraries.
        value = min(isMillions ? number * 1_000_000 : number, 1 << 31)
    }

    var defaultValueDescription: String { value.isMultiple(of: 1_000_000) ? "\(value / 1_000_000)M" : "\(value)" }
}

/// How results are written.
struct WritingFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What results are: \(WritingFlags.names.joined(separator: ", ")). (default: what --output says, or what the input is)",
            valueName: "format"))
    var format: String?

    @Option(help: "Quality of JPEG results, 1 to 100, and of WebP results, which are without loss at 100.")
    var jpegQuality = WritingOptions().quality

    @Flag(help: "Write results without EXIF, XMP, IPTC and texts, and without how they were made.")
    var stripMetadata = false

    func validate() throws {
        guard (1...100).contains(jpegQuality) else { throw ValidationError("--jpeg-quality must be 1 to 100, not \(jpegQuality).") }
        guard format == nil || codec != nil else { throw ValidationError("--format must be \(ImageFormats.writableNames), not '\(format!)'.") }
    }

    static let names = ImageFormats.writable.map { $0.name.lowercased() }

    /// The format that was asked for.
    var codec: (any WritableImageCodec)? {
        format.flatMap { format in ImageFormats.writable.first { $0.name.lowercased() == format.lowercased() || $0.isNamed("." + format) } }
    }

    var options: WritingOptions {
        var options = WritingOptions()
        options.quality = jpegQuality
        return options
    }
}
