import CPNG
import Files

extension PhotoMetadata {
    init(_ metadata: dd_png_metadata) {
        self.init()
        var metadata = metadata
        if metadata.has_srgb != 0 { srgbIntent = metadata.srgb_intent }
        if metadata.has_gamma != 0 { gamma = metadata.gamma }
        if metadata.has_chromaticities != 0 {
            chromaticities = withUnsafeBytes(of: &metadata.chromaticities) { Array($0.bindMemory(to: Int32.self)) }
        }
        if metadata.has_density != 0 {
            let unit = DensityUnit(rawValue: metadata.density_unit) ?? .unknown
            density = Density(x: metadata.density_x, y: metadata.density_y, unit: unit)
        }
        if let name = metadata.icc_name, let profile = metadata.icc_profile {
            let bytes = UnsafeBufferPointer(start: profile, count: Int(metadata.icc_size))
            colorProfile = ColorProfile(name: String(cString: name), bytes: Array(bytes))
        }
        if let bytes = metadata.exif { exif = EXIFData(UnsafeBufferPointer(start: bytes, count: Int(metadata.exif_size))) }
    }

    /// Sorts chunks that all formats have something like out of those that are carried over as they are.
    mutating func takeChunks(_ all: [PNGChunk]) {
        for chunk in all {
            if chunk.keyword == PNGChunk.xmpKeyword, let packet = chunk.internationalText.flatMap({ XMPPacket($0) }) {
                xmp = packet
            } else if let profile = chunk.rawProfile(named: ["iptc"]), let record = IPTCRecord.find(in: profile) ?? (profile.first == 0x1c ? profile : nil) {
                iptc = record
            } else if let profile = chunk.rawProfile(named: ["exif", "APP1"]), let data = EXIFData(profile) {
                if exif == nil { exif = data }
            } else if let profile = chunk.rawProfile(named: ["xmp"]), let packet = XMPPacket(profile) {
                if xmp == nil { xmp = packet }
            } else {
                chunks.append(chunk)
            }
        }
        // It stands in place of a profile, and means a profile to the formats that have no such thing.
        if colorProfile == nil, let code = chunks.first(where: { $0.type == "cICP" })?.bytes {
            colorProfile = ColorProfile(primaries: Int(code[0]), transfer: Int(code[1]))
        }
    }

    /// The C form, whose pointers are valid during the call.
    func withCMetadata<Result>(_ body: (UnsafePointer<dd_png_metadata>) -> Result) -> Result {
        var metadata = dd_png_metadata()
        if let srgbIntent { (metadata.has_srgb, metadata.srgb_intent) = (1, srgbIntent) }
        if let gamma { (metadata.has_gamma, metadata.gamma) = (1, gamma) }
        if let chromaticities, chromaticities.count == 8 {
            metadata.has_chromaticities = 1
            withUnsafeMutableBytes(of: &metadata.chromaticities) { target in
                chromaticities.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }
        if let density {
            metadata.has_density = 1
            (metadata.density_x, metadata.density_y, metadata.density_unit) = (density.x, density.y, density.unit.rawValue)
        }
        let profile = colorProfile?.bytes ?? []
        // libpng itself would put EXIF behind the image, where not all programs look for it.
        var all = exif.map { [PNGChunk(type: "eXIf", bytes: $0.bytes)] } ?? []
        if let xmp { all.append(.international(PNGChunk.xmpKeyword, xmp.bytes)) }
        if let iptc { all.append(.rawProfile("iptc", IPTCRecord.resources(iptc))) }
        let chunks = (all + chunks).flatMap(\.encoded)
        return (colorProfile?.name ?? "").withCString { name in
            profile.withUnsafeBufferPointer { profile in
                chunks.withUnsafeBufferPointer { chunks in
                    if !profile.isEmpty {
                        (metadata.icc_name, metadata.icc_profile) = (name, profile.baseAddress)
                        metadata.icc_size = UInt32(profile.count)
                    }
                    (metadata.chunks, metadata.chunks_size) = (chunks.baseAddress, chunks.count)
                    return withUnsafePointer(to: metadata, body)
                }
            }
        }
    }
}
