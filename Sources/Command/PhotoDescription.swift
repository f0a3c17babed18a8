import Blur
import Files
import Foundation
import Images

/// What `inspect` tells of a photograph; as JSON, what is not known is left out.
struct PhotoDescription: Codable {
    var schema = "deblurdiff.photo/1"
    var path: String
    var bytes: Int
    var format: String
    /// Upright.
    var width: Int
    var height: Int
    var bitsPerSample: Int
    var isGray: Bool
    var hasTransparency: Bool
    /// What the embedded profile calls itself.
    var colorProfile: String?
    var taken: String?
    var camera: String?
    var software: String?
    var artist: String?
    var copyright: String?
    /// Which kinds of metadata there are.
    var metadata: [String]
    var hasPosition: Bool
    /// An estimate; nil where the photograph is too small or too flat to tell.
    var blur: BlurEstimate?
    /// How deblurdiff made it.
    var restoration: RestorationRecord?
    var warnings: [String]

    init(_ path: String, limits: ReadingLimits) throws {
        var warnings: [String] = []
        let photo = try Photo(reading: path, limits: limits) { warnings.append($0) }
        let metadata = photo.metadata
        self.path = path
        bytes = fileSize(path)
        format = try ImageFormats.codec(ofFile: path).name
        (width, height) = (photo.width, photo.height)
        bitsPerSample = photo.samples.bits
        isGray = photo.isGray
        hasTransparency = photo.alpha != nil
        colorProfile = metadata.colorProfile?.title
        func text(_ tag: UInt16) -> String? { metadata.exif?.text(tag) }
        taken = text(0x9003) ?? text(0x132)
        let names = [text(0x10f), text(0x110)].compactMap { $0 }
        camera = names.isEmpty ? nil : names.joined(separator: " ")
        (software, artist, copyright) = (text(0x131), text(0x13b), text(0x8298))
        let kinds = [("EXIF", metadata.exif != nil), ("XMP", metadata.xmp != nil), ("IPTC", metadata.iptc != nil), ("texts", !metadata.chunks.isEmpty)]
        self.metadata = kinds.filter(\.1).map(\.0)
        hasPosition = metadata.exif?.hasPosition ?? false
        blur = BlurEstimate(photo)
        restoration = metadata.xmp.flatMap { RestorationRecord(in: $0) }
        self.warnings = warnings
    }

    func text() -> String {
        var text = "\(path): \(format), \(width) x \(height), \(isGray ? "grey" : "colour"), \(bitsPerSample) bits, \(Units.bytes(bytes))\n"
        func add(_ name: String, _ value: String?) { if let value { text += "  \(name): \(value.printable)\n" } }
        add("transparency", hasTransparency ? "kept" : nil)
        add("colours", colorProfile ?? "sRGB")
        if let blur {
            let direction = blur.direction.map { String(format: ", most along %.0f degrees", $0) } ?? ""
            let words = blur.isNearlySharp ? ": nearly sharp" : direction + (blur.isUniform == false ? ", not the same all over" : "")
            add("blur", String(format: "about %.1f pixels", blur.extent) + words)
        } else {
            add("blur", "cannot be told: too small or too flat")
        }
        add("taken", taken)
        add("camera", camera)
        add("software", software)
        add("artist", artist)
        add("copyright", copyright)
        add("metadata", metadata.isEmpty ? nil : metadata.joined(separator: ", ") + (hasPosition ? ", with the place" : ""))
        if let restoration {
            text += "  restored by \(restoration.program.printable)\n"
            add("  model", "\(restoration.model), digest \(restoration.modelDigest)")
            add("  options", "--seed \(restoration.seed) \(restoration.options)")
        }
        for warning in warnings { add("warning", warning) }
        return text
    }
}
