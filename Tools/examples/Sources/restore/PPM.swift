import DeblurDiff
import Foundation

/// A picture as a binary portable pixmap, 8 bits a sample.
struct PPM {
    /// Interleaved red, green and blue.
    var pixels: [UInt8]
    var height: Int
    var width: Int

    init(pixels: [UInt8], height: Int, width: Int) { (self.pixels, self.height, self.width) = (pixels, height, width) }

    init(reading path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        let header = data.prefix(64).split(maxSplits: 4, whereSeparator: { $0 == 0x0a || $0 == 0x20 }).prefix(4).map { String(decoding: $0, as: UTF8.self) }
        guard header.count == 4, header[0] == "P6", header[3] == "255", let width = Int(header[1]), let height = Int(header[2]),
            (1...1 << 15).contains(width), (1...1 << 15).contains(height), data.count > 3 * width * height
        else { throw InputError("is no PPM file of 8 bits", at: path) }
        self.init(pixels: Array(data.suffix(3 * width * height)), height: height, width: width)
    }

    func write(_ path: String) throws { try (Data("P6\n\(width) \(height)\n255\n".utf8) + pixels).write(to: URL(filePath: path)) }
}
