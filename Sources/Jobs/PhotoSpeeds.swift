import Blur
import DeblurDiff
import Files
import Images

/// How long this machine takes to read and write photographs, measured on a small one of each format.
struct PhotoSpeeds {
    let times: MeasuredTimes
    private static let side = 512

    /// Between noise and a flat colour, as photographs are.
    private static let sample: Photo = {
        var random: UInt32 = 1
        let pixels = (0..<side * side * 3).map { index in
            random = random &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: index / (9 * side) + Int(random >> 24) % 6)
        }
        return Photo(width: side, height: side, pixels: pixels)
    }()

    /// Seconds for all that happens to a photograph outside the networks.
    func seconds(of head: PhotoHead, from input: any ImageCodec, to output: any WritableImageCodec, options: WritingOptions) -> Double {
        let name = "\(input.name) \(output.name) \(head.bits) \(options.quality)"
        return Double(head.width * head.height) * times.seconds(name) { measure(input, output, bits: head.bits, options) }
    }

    private func measure(_ input: any ImageCodec, _ output: any WritableImageCodec, bits: Int, _ options: WritingOptions) -> Double {
        let sample = PhotoSpeeds.sample
        let photo = bits == 8 ? sample : sample.withSamples(.sixteen(sample.pixels.map { UInt16($0) * 257 }))
        // What is not written here takes as long as what is like it.
        guard let file = try? photo.encoded(as: input as? any WritableImageCodec ?? WebPCodec()) else { return 0 }
        let seconds = MeasuredTimes.time {
            guard let read = try? file.withUnsafeBytes({ try Photo(bytes: $0) }) else { return }
            _ = BlurEstimate(read)
            _ = try? read.restored(read.planes()).encoded(as: output, options: options)
        }
        return seconds / Double(PhotoSpeeds.side * PhotoSpeeds.side)
    }
}
