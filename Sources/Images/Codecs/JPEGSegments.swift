/// What stands in front of a JPEG file's picture.
struct JPEGSegments {
    struct Frame {
        var width: Int
        var height: Int
        var components: Int
        var isProgressive: Bool
        var isArithmetic: Bool
    }

    private(set) var frame: Frame?
    /// Whether the picture's end is there. Within its data that marker cannot stand; decoders do without it, and make grey of what is missing.
    private(set) var isWhole = false
    private(set) var metadata = PhotoMetadata()
    /// Whether Adobe's programs wrote it, or others in their way.
    private(set) var isAdobe = false
    private(set) var warnings: [String] = []

    private static let exifName = Array("Exif\0\0".utf8)
    private static let xmpName = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    private static let profileName = Array("ICC_PROFILE\0".utf8)
    private static let photoshopName = Array("Photoshop 3.0\0".utf8)

    /// Reads up to the first scan. What is behind it is the picture, and the decoder's affair.
    init(_ bytes: UnsafeRawBufferPointer) {
        var place = 2
        var (profile, resources): ([Int: ArraySlice<UInt8>], [UInt8]) = ([:], [])
        var profileParts = 0
        while place + 4 <= bytes.count, bytes[place] == 0xff {
            let marker = bytes[place + 1]
            // Fill bytes, and markers without contents.
            if marker == 0xff || marker == 0x01 || (0xd0...0xd8).contains(marker) {
                place += marker == 0xff ? 1 : 2
                continue
            }
            let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
            guard length >= 2, place + 2 + length <= bytes.count, marker != 0xda, marker != 0xd9 else { break }
            let contents = UnsafeRawBufferPointer(rebasing: bytes[place + 4..<place + 2 + length])
            func rest(after name: [UInt8]) -> [UInt8]? { contents.starts(with: name) ? Array(contents.dropFirst(name.count)) : nil }
            place += 2 + length
            switch marker {
            case 0xc0...0xc3, 0xc5...0xc7, 0xc9...0xcb, 0xcd...0xcf:
                guard contents.count >= 6, frame == nil else { break }
                frame = Frame(
                    width: Int(contents[3]) << 8 | Int(contents[4]), height: Int(contents[1]) << 8 | Int(contents[2]), components: Int(contents[5]),
                    isProgressive: marker & 3 == 2, isArithmetic: marker > 0xc8)
            case 0xe0:
                if let jfif = rest(after: Array("JFIF\0".utf8)), jfif.count >= 7 { readDensity(jfif) }
            case 0xe1:
                if let exif = rest(after: JPEGSegments.exifName), metadata.exif == nil {
                    metadata.exif = EXIFData(exif)
                    if metadata.exif == nil { warnings.append("its EXIF data are damaged and left out") }
                } else if let xmp = rest(after: JPEGSegments.xmpName), metadata.xmp == nil {
                    metadata.xmp = XMPPacket(xmp)
                    if metadata.xmp == nil { warnings.append("its XMP is damaged and left out") }
                }
            case 0xe2:
                guard let part = rest(after: JPEGSegments.profileName), part.count > 2 else { break }
                profile[Int(part[0])] = part[2...]
                profileParts = Int(part[1])
            case 0xed: if let part = rest(after: JPEGSegments.photoshopName) { resources += part }
            case 0xee: if contents.starts(with: "Adobe".utf8), contents.count >= 12 { isAdobe = true }
            default: break
            }
        }
        // Further pictures may follow, so that it is mostly found at the end, and always there or before.
        for end in stride(from: bytes.count - 2, through: place, by: -1) where bytes[end] == 0xff && bytes[end + 1] == 0xd9 {
            isWhole = true
            break
        }
        if !resources.isEmpty { metadata.iptc = IPTCRecord.find(in: resources) }
        guard !profile.isEmpty else { return }
        let parts = (1...max(1, profileParts)).compactMap { profile[$0] }
        if parts.count == profileParts {
            metadata.colorProfile = .init(name: "ICC profile", bytes: parts.flatMap { $0 })
        } else {
            warnings.append("its colour profile is ignored: a part of it is missing")
        }
    }

    private mutating func readDensity(_ jfif: [UInt8]) {
        let (x, y) = (Double(Int(jfif[3]) << 8 | Int(jfif[4])), Double(Int(jfif[5]) << 8 | Int(jfif[6])))
        switch jfif[2] {
        case 1: metadata.density = .init(perInch: x, y)
        case 2: metadata.density = .init(perInch: x * 2.54, y * 2.54)
        default: break
        }
    }

    /// Bytes of the start and the JFIF segment that encoders write.
    static let headSize = 20

    /// The beginning of an encoded file, with the density set.
    static func head(of file: UnsafeRawBufferPointer, density: PhotoMetadata.Density?) -> [UInt8] {
        var head = Array(file[..<headSize])
        guard let (x, y) = density?.perInch, x < 65535.5, y < 65535.5, x >= 0.5, y >= 0.5 else { return head }
        let (across, down) = (Int(x.rounded()), Int(y.rounded()))
        head.replaceSubrange(13..<18, with: [1, UInt8(across >> 8), UInt8(across & 255), UInt8(down >> 8), UInt8(down & 255)])
        return head
    }

    /// Bytes of metadata that a segment has room for behind its length and their name.
    static let exifLimit = 65533 - exifName.count
    static let xmpLimit = 65533 - xmpName.count
    static let iptcLimit = 65533 - photoshopName.count - 13

    /// Whether metadata that fitted into a segment no longer do.
    static func isPushedOut(_ now: [UInt8], _ before: [UInt8]?, limit: Int) -> Bool { now.count > limit && (before?.count ?? 0) <= limit }

    /// The segments that hold metadata. What is too long for a segment is left out.
    static func encoded(_ metadata: PhotoMetadata) -> [UInt8] {
        var result: [UInt8] = []
        func add(_ marker: UInt8, _ contents: [UInt8]) {
            let length = contents.count + 2
            guard length <= 65535 else { return }
            result += [0xff, marker, UInt8(length >> 8), UInt8(length & 255)] + contents
        }
        if let exif = metadata.exif { add(0xe1, exifName + exif.bytes) }
        if let xmp = metadata.xmp { add(0xe1, xmpName + xmp.bytes) }
        if let iptc = metadata.iptc { add(0xed, photoshopName + IPTCRecord.resources(iptc)) }
        if let profile = metadata.colorProfile?.bytes {
            let size = 65519
            let count = (profile.count + size - 1) / size
            // More parts cannot be numbered.
            if count <= 255 {
                for index in 0..<count {
                    add(0xe2, profileName + [UInt8(index + 1), UInt8(count)] + profile[index * size..<min((index + 1) * size, profile.count)])
                }
            }
        }
        return result
    }
}
