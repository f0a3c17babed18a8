import Dispatch
import Files

/// Numbers of the pixels of a picture, row by row.
struct Plane: Sendable {
    let width: Int
    let height: Int
    var values: [Float]

    init(width: Int, height: Int, values: [Float]) {
        precondition(values.count == width * height, "values do not fit the size")
        (self.width, self.height, self.values) = (width, height, values)
    }

    /// Made row by row, by several threads. What a row becomes may not depend on the others.
    init(width: Int, height: Int, threads: Int, row: @Sendable (_ y: Int, _ row: UnsafeMutablePointer<Float>) -> Void) {
        (self.width, self.height) = (width, height)
        values = [Float](unsafeUninitializedCapacity: width * height) { target, initialized in
            nonisolated(unsafe) let start = target.baseAddress!
            forEachBand(of: height, threads: threads) { rows in for y in rows { row(y, start + y * width) } }
            initialized = width * height
        }
    }

    /// Larger by a margin on each side, in which it is mirrored as often as need be.
    func mirrored(margin: Int, threads: Int) -> Plane {
        @Sendable func place(_ index: Int, _ count: Int) -> Int {
            let place = (index % (2 * count) + 2 * count) % (2 * count)
            return place < count ? place : 2 * count - 1 - place
        }
        let columns = (-margin..<width + margin).map { place($0, width) }
        return Plane(width: width + 2 * margin, height: height + 2 * margin, threads: threads) { y, row in
            let source = place(y - margin, height) * width
            for (x, column) in columns.enumerated() { row[x] = values[source + column] }
        }
    }

    /// Convolved with a kernel: smaller by the kernel's reach on each side.
    ///
    /// A trajectory covers few pixels of its kernel, so the sum is over those. Each result is the same sum in the same order on every machine.
    func convolved(with kernel: BlurKernel, threads: Int) -> Plane {
        let (reach, stride) = (kernel.reach, width)
        let (outWidth, outHeight) = (width - 2 * reach, height - 2 * reach)
        precondition(outWidth > 0 && outHeight > 0, "the kernel is larger than the picture")
        // Light goes where the kernel says, so a pixel's light comes from the other side.
        let taps = kernel.shares.indices.filter { kernel.shares[$0] != 0 }
            .map { (offset: (2 * reach - $0 / kernel.size) * stride + 2 * reach - $0 % kernel.size, share: kernel.shares[$0]) }
        return values.withUnsafeBufferPointer { values in
            nonisolated(unsafe) let source = values.baseAddress!
            return Plane(width: outWidth, height: outHeight, threads: threads) { y, row in
                let line = source + y * stride
                taps.withUnsafeBufferPointer { taps in
                    var x = 0
                    while x < outWidth {
                        guard outWidth >= 32 else {
                            var sum: Float = 0
                            for tap in taps { sum += tap.share * line[x + tap.offset] }
                            row[x] = sum
                            x += 1
                            continue
                        }
                        // The last piece overlaps the one before it.
                        let place = min(x, outWidth - 32)
                        var (a, b, c, d) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
                        for tap in taps {
                            let from = UnsafeRawPointer(line + place + tap.offset)
                            a += tap.share * from.loadUnaligned(as: SIMD8<Float>.self)
                            b += tap.share * from.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
                            c += tap.share * from.loadUnaligned(fromByteOffset: 64, as: SIMD8<Float>.self)
                            d += tap.share * from.loadUnaligned(fromByteOffset: 96, as: SIMD8<Float>.self)
                        }
                        for (index, part) in [a, b, c, d].enumerated() {
                            UnsafeMutableRawPointer(row + place + 8 * index).storeBytes(of: part, as: SIMD8<Float>.self)
                        }
                        x += 32
                    }
                }
            }
        }
    }
}

/// Cuts 0..<count into bands for several threads.
func forEachBand(of count: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let bands = max(1, min(count, 8 * threads))
    guard threads > 1, bands > 1 else { return body(0..<count) }
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for band in stride(from: thread, to: bands, by: threads) { body(count * band / bands..<count * (band + 1) / bands) }
    }
}
