import CHEIF
import Files

/// HEIC and AVIF by libheif, which also turns pictures upright; the primary picture of a file.
public struct HEIFCodec: ImageCodec {
    public let name: String
    public let nameExtensions: [String]
    /// Of files, or of the standards that they follow.
    private let brands: [String]

    public static let heic = HEIFCodec(
        name: "HEIC", nameExtensions: ["heic", "heif", "hif"], brands: ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"])
    public static let avif = HEIFCodec(name: "AVIF", nameExtensions: ["avif"], brands: ["avif", "avis"])

    public func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { brands.contains { bytes.dropFirst(4).starts(with: "ftyp\($0)".utf8) } }

    /// libheif has turned it already, in its size as well.
    public func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead {
        try open(bytes, limits) { handle in
            ImageHead(
                width: Int(heif_image_handle_get_width(handle)), height: Int(heif_image_handle_get_height(handle)), orientation: 1,
                bits: bits(handle), hasAlpha: heif_image_handle_has_alpha_channel(handle) != 0)
        }
    }

    private func bits(_ handle: OpaquePointer) -> Int { heif_image_handle_get_luma_bits_per_pixel(handle) > 8 ? 16 : 8 }

    /// - Parameter body: reads from what was opened, which is closed behind it.
    private func open<Result>(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits, _ body: (OpaquePointer) throws -> Result) throws -> Result {
        guard let context = heif_context_alloc() else { throw InputError("libheif cannot be started") }
        defer { heif_context_free(context) }
        heif_context_set_maximum_image_size_limit(context, Int32(clamping: limits.pixelCount))
        try check(heif_context_read_from_memory_without_copy(context, bytes.baseAddress, bytes.count, nil))
        var found: OpaquePointer?
        try check(heif_context_get_primary_image_handle(context, &found))
        let handle = found!
        defer { heif_image_handle_release(handle) }
        let channels = heif_image_handle_has_alpha_channel(handle) != 0 ? 4 : 3
        // Planes of brightness and colour, the same as RGB, what is made of it here, and the upright picture.
        try limits.check(
            width: Int(heif_image_handle_get_width(handle)), height: Int(heif_image_handle_get_height(handle)),
            bytesPerPixel: 4 * channels * bits(handle) / 8)
        return try body(handle)
    }

    public func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage {
        try open(bytes, limits, decode)
    }

    private func decode(_ handle: OpaquePointer) throws -> DecodedImage {
        let (width, height) = (Int(heif_image_handle_get_width(handle)), Int(heif_image_handle_get_height(handle)))
        let hasAlpha = heif_image_handle_has_alpha_channel(handle) != 0
        let (bits, channels) = (bits(handle), hasAlpha ? 4 : 3)
        let chroma: heif_chroma
        switch (bits, hasAlpha) {
        case (8, false): chroma = heif_chroma_interleaved_RGB
        case (8, true): chroma = heif_chroma_interleaved_RGBA
        case (_, false): chroma = heif_chroma_interleaved_RRGGBB_LE
        case (_, true): chroma = heif_chroma_interleaved_RRGGBBAA_LE
        }
        var decoded: OpaquePointer?
        try check(heif_decode_image(handle, &decoded, heif_colorspace_RGB, chroma, nil))
        let picture = decoded!
        defer { heif_image_release(picture) }
        guard Int(heif_image_get_width(picture, heif_channel_interleaved)) == width, Int(heif_image_get_height(picture, heif_channel_interleaved)) == height
        else { throw damaged("it declares another size than its picture has") }
        var stride: Int32 = 0
        guard let plane = heif_image_get_plane_readonly(picture, heif_channel_interleaved, &stride) else { throw damaged("it holds no picture") }
        let range = Int(heif_image_get_bits_per_pixel_range(picture, heif_channel_interleaved))
        let rowSize = width * channels
        guard Int(stride) >= rowSize * bits / 8, (8...16).contains(range) else { throw damaged("its rows are too short") }

        let samples = Samples.make(bits: bits, count: height * rowSize) { target in
            for y in 0..<height {
                let row = UnsafeRawBufferPointer(start: plane + y * Int(stride), count: rowSize * bits / 8)
                let place = y * rowSize * bits / 8
                if bits == 8 {
                    UnsafeMutableRawBufferPointer(rebasing: target[place..<place + row.count]).copyMemory(from: row)
                } else {
                    let largest = UInt32(1) << UInt32(range) - 1
                    for index in 0..<rowSize {
                        let value = min(UInt32(UInt16(littleEndian: row.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))), largest)
                        target.storeBytes(of: UInt16((value * 65535 + largest / 2) / largest), toByteOffset: place + 2 * index, as: UInt16.self)
                    }
                }
            }
        }
        var image = DecodedImage(width: width, height: height, colors: .rgb, samples: samples)
        if hasAlpha { image.alpha = heif_image_handle_is_premultiplied_alpha(handle) != 0 ? .premultiplied : .straight }
        // libheif has turned it already.
        image.orientation = 1
        readMetadata(handle, into: &image)
        return image
    }

    private func readMetadata(_ handle: OpaquePointer, into image: inout DecodedImage) {
        let profileSize = heif_image_handle_get_raw_color_profile_size(handle)
        if (1...16 << 20).contains(profileSize) {
            var profile = [UInt8](repeating: 0, count: profileSize)
            if heif_image_handle_get_raw_color_profile(handle, &profile).code == heif_error_Ok {
                image.metadata.colorProfile = .init(name: "ICC profile", bytes: profile)
            }
        } else {
            var code: UnsafeMutablePointer<heif_color_profile_nclx>?
            if heif_image_handle_get_nclx_color_profile(handle, &code).code == heif_error_Ok, let code {
                let (primaries, transfer) = (Int(code.pointee.color_primaries.rawValue), Int(code.pointee.transfer_characteristics.rawValue))
                image.metadata.colorProfile = .init(primaries: primaries, transfer: transfer)
                if transfer == 16 || transfer == 18 { image.warnings.append("its brightness is of high dynamic range, and is taken for sRGB's") }
                heif_nclx_color_profile_free(code)
            }
        }
        var ids = [heif_item_id](repeating: 0, count: 16)
        let count = Int(heif_image_handle_get_list_of_metadata_block_IDs(handle, nil, &ids, Int32(ids.count)))
        for id in ids.prefix(count) {
            let size = heif_image_handle_get_metadata_size(handle, id)
            guard (1...16 << 20).contains(size) else { continue }
            var bytes = [UInt8](repeating: 0, count: size)
            guard heif_image_handle_get_metadata(handle, id, &bytes).code == heif_error_Ok else { continue }
            switch String(cString: heif_image_handle_get_metadata_type(handle, id)) {
            case "Exif":
                // In front stands how far it is to the data.
                guard size > 4 else { break }
                let offset = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
                if image.metadata.exif == nil { image.metadata.exif = EXIFData(bytes.dropFirst(4).dropFirst(offset)) ?? EXIFData(bytes.dropFirst(4)) }
            case "mime" where String(cString: heif_image_handle_get_metadata_content_type(handle, id)) == "application/rdf+xml":
                if image.metadata.xmp == nil { image.metadata.xmp = XMPPacket(bytes) }
            default: break
            }
        }
    }

    private func check(_ error: heif_error) throws {
        guard error.code != heif_error_Ok else { return }
        throw damaged(error.message.map { String(cString: $0) } ?? "libheif's error \(error.code.rawValue)")
    }

    private func damaged(_ what: String) -> InputError {
        InputError("the \(name) file is damaged or of an unusual kind: \(what)", advice: damagedFileAdvice)
    }
}
