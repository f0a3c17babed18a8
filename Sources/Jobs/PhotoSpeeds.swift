import Files
import Images

/// How long this machine takes to read and write photographs, measured on a small one of each format.
struct PhotoSpeeds {
    private var known: [String: Double] = [:]
    private static let side = 256

    /// Between noise and a flat colour, as photographs are.
    private let sample: Photo = {
        var random = SystemRandomNumberGenerator()
        let pixels = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0 / (9 * side) + Int.random(in: 0..<6, using: &random)) }
        return Photo(width: side, height: side, pixels: pixels)
    }()

    /// Seconds for all that happens to a photograph outside the networks.
    mutating func seconds(of head: PhotoHead, from input: any ImageCodec, to output: any WritableImageCodec, options: WritingOptions) -> Double {
        let name = "\(input.name) \(output.name) \(head.bits) \(options.quality)"
        let perPixel = known[name] ?? measure(input, output, bits: head.bits, options)
        known[name] = perPixel
        return perPixel * Double(head.width * head.height)
    }

    private func measure(_ input: any ImageCodec, _ output: any WritableImageCodec, bits: Int, _ options: WritingOptions) -> Double {
        let photo = bits == 8 ? sample : sample.withSamples(.sixteen(sample.pixels.map { UInt16($0) * 257 }))
        // What is not written here takes as long as what is like it.
        guard let file = try? photo.encoded(as: input as? any WritableImageCodec ?? WebPCodec()) else { return 0 }
        let start = ContinuousClock.now
        guard let read = try? file.withUnsafeBytes({ try Photo(bytes: $0) }) else { return 0 }
        _ = try? read.restored(read.planes()).encoded(as: output, options: options)
        return start.duration(to: .now) / .seconds(1) / Double(PhotoSpeeds.side * PhotoSpeeds.side)
    }
}
