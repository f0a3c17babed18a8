import Files

/// Formats that people try and that are neither read nor written, told apart by their first bytes or by their names, so that there is useful advice.
public enum OtherImageKind: String, CaseIterable, Sendable {
    case gif = "GIF"
    case bmp = "BMP"
    case jpegXL = "JPEG XL"
    case jpeg2000 = "JPEG 2000"
    case openEXR = "OpenEXR"
    case photoshop = "Photoshop"
    case netpbm = "PNM"
    case pdf = "PDF"
    case cameraRaw = "camera raw"

    private var nameExtensions: [String] {
        switch self {
        case .gif: ["gif"]
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

    /// The format that the ending of a path stands for.
    public init?(name path: String) {
        let name = path.lowercased()
        guard let kind = OtherImageKind.allCases.first(where: { $0.nameExtensions.contains { name.hasSuffix("." + $0) } }) else { return nil }
        self = kind
    }

    init?(of bytes: UnsafeRawBufferPointer) {
        func has(_ signature: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: signature.utf8) }
        func has(_ signature: [UInt8]) -> Bool { bytes.starts(with: signature) }

        if has("GIF87a") || has("GIF89a") {
            self = .gif
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
        } else if has("FUJIFILMCCD-RAW") || has("ftypcrx", at: 4) || has("IIRO") || has("MMOR") || has("IIU\0") || has("CR", at: 8) && has("II*\0") {
            self = .cameraRaw
        } else {
            return nil
        }
    }
}
