import Files
import Foundation
import Images
import Testing

@testable import ImageMetrics

/// A pattern of waves and edges.
func level(_ x: Int, _ y: Int, _ c: Int) -> Int { (x * x / 37 + y * 5 + c * 40 + x * y / 11) % 256 }

func image(width: Int, height: Int, _ level: (Int, Int, Int) -> Int) -> MeasuredImage {
    var pixels: [UInt8] = []
    for y in 0..<height { for x in 0..<width { for c in 0..<3 { pixels.append(UInt8(min(255, level(x, y, c)))) } } }
    return MeasuredImage(Photo(width: width, height: height, pixels: pixels))
}

func metric(_ name: String) throws -> any Metric { try #require(StandardMetrics.all.first { $0.name == name }) }

@Suite struct MetricTests {
    /// What other people's programs say of this pair: scikit-image 0.26, pytorch-msssim 1.0, libjxl 0.11.2's ssimulacra2, basicsr 1.4.2.
    @Test(arguments: [
        ("psnr", 24.812502513, 1e-6), ("psnr-y", 30.000448227, 1e-6), ("ssim", 0.976221439, 1e-6), ("ssim-y", 0.976949991, 1e-6),
        ("ms-ssim", 0.994738887, 1e-5), ("ssimulacra2", 45.90035066, 5e-3), ("niqe", 20.5932998, 5e-3), ("sharpness", 5182.179363805205, 1e-9),
    ]) func asOthersMeasure(name: String, expected: Double, tolerance: Double) throws {
        let reference = image(width: 208, height: 192, level)
        let result = image(width: 208, height: 192) { x, y, c in (3 * level(x, y, c) + level(x + 1, y, c) + (x * 7 + y * 13) % 9) / 4 }
        let value = try metric(name).value(of: result, against: reference)
        #expect(abs(value - expected) <= tolerance * abs(expected), "\(name): \(value)")
    }

    @Test func equalImages() throws {
        let image = image(width: 200, height: 200, level)
        #expect(try metric("psnr").value(of: image, against: image) == .infinity)
        #expect(try metric("ssim").value(of: image, against: image) == 1)
        #expect(try metric("ms-ssim").value(of: image, against: image) == 1)
        #expect(try metric("ssimulacra2").value(of: image, against: image) > 99.99, "but for rounding")
    }

    @Test func flatImages() throws {
        let (flat, other) = (image(width: 200, height: 200) { _, _, _ in 90 }, image(width: 200, height: 200) { _, _, _ in 100 })
        #expect(abs(try metric("psnr").value(of: flat, against: other) - 28.1308) < 1e-4)
        // Brightness alone: (2 * 90 * 100 + c1) / (90² + 100² + c1).
        #expect(abs(try metric("ssim").value(of: flat, against: other) - 18006.5025 / 18106.5025) < 1e-9)
        #expect(try metric("sharpness").value(of: flat, against: nil) == 0)
        #expect(throws: InputError.self) { try metric("niqe").value(of: flat, against: nil) }
        // With noise in a corner there is texture, but in too few blocks.
        let corner = image(width: 200, height: 200) { x, y, _ in x < 50 && y < 50 ? level(x, y, 0) : 90 }
        #expect(throws: InputError.self) { try metric("niqe").value(of: corner, against: nil) }
    }

    @Test(arguments: [("ssim", 10), ("ssim-y", 10), ("ms-ssim", 175), ("ssimulacra2", 7), ("niqe", 95), ("sharpness", 2)])
    func imagesThatAreTooSmall(name: String, side: Int) throws {
        let metric = try metric(name)
        let (small, large) = (image(width: 300, height: side, level), image(width: 300, height: side + 1, level))
        #expect(throws: InputError.self) { try metric.value(of: small, against: small) }
        _ = try metric.value(of: large, against: large)
    }

    @Test func sixteenBitsAndGray() throws {
        let deep = (0..<40 * 40 * 3).map { UInt16($0 * 13 % 65536) }
        let shallow = deep.map { UInt8($0 >> 8) }
        func measured(_ samples: Samples, isGray: Bool = false) -> MeasuredImage {
            MeasuredImage(Photo(width: 40, height: 40, samples: samples, isGray: isGray))
        }
        let psnr = try metric("psnr").value(of: measured(.sixteen(deep)), against: measured(.eight(shallow)))
        var squares = 0.0
        for (sample, level) in zip(deep, shallow) {
            let difference = Double(sample) / 257 - Double(level)
            squares += difference * difference
        }
        let expected: Double = 10 * log10(65025.0 * 4800.0 / squares)
        #expect(abs(psnr - expected) < 1e-4)

        let levels = (0..<4800).map { UInt8($0 / 3 * 7 % 251) }
        let others = levels.map { $0 / 2 }
        let (gray, other) = (measured(.eight(levels), isGray: true), measured(.eight(others), isGray: true))
        // Of grey, all three channels are the same; Y has 219 levels of 255.
        let difference = try metric("psnr-y").value(of: gray, against: other) - metric("psnr").value(of: gray, against: other)
        #expect(abs(difference - 20 * log10(255.0 / 219)) < 1e-5)
    }

    @Test func bicubicIsMATLABs() {
        // imresize(0:7, 0.5), whose weights at the edges are those of the mirrored samples.
        let plane = Plane(width: 8, height: 2) { _, x in Float(x) }
        let expected: [Float] = [0.44921875, 2.48828125, 4.51171875, 6.55078125]
        #expect(plane.halvedByBicubic.height == 1)
        for (value, right) in zip(plane.halvedByBicubic.values, expected) { #expect(abs(value - right) < 1e-6, "\(value)") }
        let flat = Plane(width: 6, height: 6) { _, _ in 7 }
        #expect(flat.halvedByBicubic.values.allSatisfy { abs($0 - 7) < 1e-6 })
    }

    @Test func summaries() throws {
        let summary = try #require(Summary([1, 2, 3, 4, .infinity]))
        #expect(summary.mean == 2.5 && summary.count == 4 && summary.infinite == 1)
        #expect(summary.low >= 1 && summary.low < 2.5 && summary.high > 2.5 && summary.high <= 4)
        #expect(Summary([1, 2, 3, 4]) == Summary([1, 2, 3, 4]))
        // Where the mean lies, as the normal distribution has it.
        let many = (0..<1000).map { Double($0 * 7919 % 1000) }
        let wide = try #require(Summary(many))
        let width: Double = 2 * 1.96 * 288.7 / 31.623
        #expect(abs(wide.high - wide.low - width) < 2)
        #expect(Summary([]) == nil && Summary([.infinity])?.mean == .infinity)
    }
}
