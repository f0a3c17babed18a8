/// Writes PNG files of any kind, right or wrong, without libpng and without compression.
struct HandmadePNG {
    var width: Int
    var height: Int
    /// 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA.
    var colorType: UInt8
    var bitDepth: Int
    /// Samples of all pixels in order, each 0 ..< 2^bitDepth.
    var samples: [Int]
    var isInterlaced = false
    /// Chunks between the header and the image.
    var chunks: [(type: String, bytes: [UInt8])] = []
    /// Chunks behind it.
    var lastChunks: [(type: String, bytes: [UInt8])] = []

    private var samplesPerPixel: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colorType]! }

    func encoded() -> [UInt8] {
        let header = bigEndian(width) + bigEndian(height) + [UInt8(bitDepth), colorType, 0, 0, isInterlaced ? 1 : 0]
        var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        file += HandmadePNG.chunk("IHDR", header)
        for chunk in chunks { file += HandmadePNG.chunk(chunk.type, chunk.bytes) }
        file += HandmadePNG.chunk("IDAT", HandmadePNG.zlibStored(rows()))
        for chunk in lastChunks { file += HandmadePNG.chunk(chunk.type, chunk.bytes) }
        return file + HandmadePNG.chunk("IEND", [])
    }

    private func rows() -> [UInt8] {
        guard isInterlaced else { return pass(x: (0, 1), y: (0, 1)) }
        let starts = [(0, 0), (4, 0), (0, 4), (2, 0), (0, 2), (1, 0), (0, 1)]
        let steps = [(8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2)]
        return zip(starts, steps).flatMap { pass(x: ($0.0, $1.0), y: ($0.1, $1.1)) }
    }

    private func pass(x: (start: Int, step: Int), y: (start: Int, step: Int)) -> [UInt8] {
        let columns = Array(stride(from: x.start, to: width, by: x.step))
        if columns.isEmpty { return [] }
        return stride(from: y.start, to: height, by: y.step).flatMap { row -> [UInt8] in
            let values = columns.flatMap { column in
                (0..<samplesPerPixel).map { samples[(row * width + column) * samplesPerPixel + $0] }
            }
            return [0] + packed(values)
        }
    }

    private func packed(_ values: [Int]) -> [UInt8] {
        if bitDepth == 16 { return values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } }
        let perByte = 8 / bitDepth
        return stride(from: 0, to: values.count, by: perByte).map { start in
            (0..<perByte).reduce(UInt8(0)) { byte, index in
                byte << bitDepth | (start + index < values.count ? UInt8(values[start + index]) : 0)
            }
        }
    }

    static func chunk(_ type: String, _ bytes: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + bytes
        return bigEndian(bytes.count) + body + bigEndian(Int(crc(body)))
    }

    static func zlibStored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var position = 0
        repeat {
            let count = min(bytes.count - position, 65535)
            let isLast = position + count == bytes.count
            stream += [isLast ? 1 : 0, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8 & 255)]
            stream += bytes[position..<position + count]
            position += count
        } while position < bytes.count
        var (a, b) = (1, 0)
        for byte in bytes {
            a = (a + Int(byte)) % 65521
            b = (b + a) % 65521
        }
        return stream + bigEndian(b << 16 | a)
    }

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0) }
        }
    }
}

func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
