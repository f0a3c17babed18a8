import Files
import Tensors

/// Formats that people try, told apart by their first bytes or by their names, so that a file which cannot be read or written gets useful advice.
public enum ImageFileKind: String, CaseIterable, Sendable {
    case jpeg = "JPEG"
    case webP = "WebP"
    case heic = "HEIC"
    case avif = "AVIF"
    case gif = "GIF"
    case tiff = "TIFF"
    case bmp = "BMP"
    case jpegXL = "JPEG XL"
    case jpeg2000 = "JPEG 2000"
    case openEXR = "OpenEXR"
    case photoshop = "Photoshop"
    case netpbm = "PNM"
    case pdf = "PDF"
    /// Only told by name; most begin as TIFF files do.
    case cameraRaw = "camera raw"

    private var nameExtensions: [String] {
        switch self {
        case .jpeg: ["jpg", "jpeg", "jpe", "jfif"]
        case .webP: ["webp"]
        case .heic: ["heic", "heif", "hif"]
        case .avif: ["avif"]
        case .gif: ["gif"]
        case .tiff: ["tif", "tiff"]
        case .bmp: ["bmp", "dib"]
        case .jpegXL: ["jxl"]
        case .jpeg2000: ["jp2", "j2k", "jpx", "jpf"]
        case .openEXR: ["exr"]
        case .photoshop: ["psd", "psb"]
        case .netpbm: ["pnm", "ppm", "pgm", "pbm", "pam"]
        case .pdf: ["pdf"]
        case .cameraRaw: ["dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "orf", "rw2", "raf", "pef", "srw"]
        }
    }

    /// The format, other than PNG, that the ending of a path stands for.
    public init?(name path: String) {
        let name = path.lowercased()
        guard let kind = ImageFileKind.allCases.first(where: { $0.nameExtensions.contains { name.hasSuffix("." + $0) } }) else { return nil }
        self = kind
    }

    static let pngSignature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// Throws unless the bytes begin as a PNG file does.
    static func requirePNG(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.starts(with: pngSignature) { return }
        guard !bytes.isEmpty else { throw InputError("the file is empty", advice: "Copy or export the picture again.") }
        if let kind = ImageFileKind(of: bytes) {
            throw InputError(
                "is a \(kind.rawValue) file; only PNG is read",
                advice: "Convert it first, e.g. with ImageMagick: convert PICTURE picture.png")
        }
        if pngSignature.starts(with: bytes) || bytes.dropFirst().starts(with: "PNG".utf8) {
            throw InputError(
                "the PNG file is damaged: its first bytes are cut short or were changed, perhaps by a transfer as text",
                advice: "Copy or export the picture again.")
        }
        throw InputError("is not a PNG file, whatever its name says", advice: "Give a picture in the PNG format.")
    }

    init?(of bytes: UnsafeRawBufferPointer) {
        func has(_ signature: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: signature.utf8) }
        func has(_ signature: [UInt8]) -> Bool { bytes.starts(with: signature) }

        if has([0xff, 0xd8, 0xff]) {
            self = .jpeg
        } else if has("RIFF"), has("WEBP", at: 8) {
            self = .webP
        } else if has("ftypavi", at: 4) {
            self = .avif
        } else if ["hei", "hev", "mif1", "msf1"].contains(where: { has("ftyp" + $0, at: 4) }) {
            self = .heic
        } else if has("GIF87a") || has("GIF89a") {
            self = .gif
        } else if has([0x49, 0x49, 0x2a, 0]) || has([0x4d, 0x4d, 0, 0x2a]) {
            self = .tiff
        } else if has("BM"), bytes.count >= 26, bytes[6..<10].allSatisfy({ $0 == 0 }) {
            self = .bmp
        } else if has([0xff, 0x0a]) || has([0, 0, 0, 0x0c, 0x4a, 0x58, 0x4c, 0x20]) {
            self = .jpegXL
        } else if has([0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20]) {
            self = .jpeg2000
        } else if has([0x76, 0x2f, 0x31, 0x01]) {
            self = .openEXR
        } else if has("8BPS") {
            self = .photoshop
        } else if ["P5\n", "P5 ", "P6\n", "P6 "].contains(where: { has($0) }) {
            self = .netpbm
        } else if has("%PDF-") {
            self = .pdf
        } else {
            return nil
        }
    }
}
