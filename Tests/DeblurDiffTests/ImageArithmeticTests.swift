import DeblurDiff
import Foundation
import Tensors
import Testing

private func image(seed: UInt64, _ height: Int, _ width: Int, _ change: (Float) -> Float = { $0 }) -> Tensor {
    var generator = TorchGenerator(seed: seed)
    return Tensor(generator.randn(3 * height * width).map(change), shape: [1, 3, height, width])
}

@Suite struct ColorFixTests {
    private struct Expected: Decodable {
        var fixed: [UInt32]
        var samples: [UInt8]
    }

    @Test func matchesPyTorch() throws {
        let expected: Expected = try fixture("color_fix")
        let reference = image(seed: 4, 12, 17) { min(max($0 * 0.2 + 0.4, 0), 1) }
        var fixed = image(seed: 3, 12, 17) { $0 * 0.4 + 0.6 }
        ColorFix.apply(to: &fixed, matching: reference)
        #expect(largestDifference(fixed.floatArray, floats(expected.fixed)) < 1e-6)
        #expect(ColorFix.truncate(fixed) == expected.samples)
    }

    @Test func takesFlatAndTinyImages() {
        var flat = Tensor([Float](repeating: 0.25, count: 12), shape: [1, 3, 2, 2])
        let reference = Tensor([0.1, 0.5, 0.9], shape: [3, 1, 1])
        ColorFix.apply(to: &flat, matching: reference)
        #expect(flat.floatArray == [0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9])
    }

    @Test func truncatesAndLimits() {
        let values: [Float] = [0, 0.999, 1, -3, 7, .nan, .infinity, -.infinity, 0.5, 254.99 / 255, 1 / 255, 1e-30]
        #expect(ColorFix.truncate(Tensor(values, shape: [1, 1, 2, 6])) == [0, 254, 255, 0, 255, 0, 255, 0, 127, 254, 1, 0])
        #expect(ColorFix.truncate(Tensor([0, 0.2, 0.4, 0.6, 0.8, 1], shape: [3, 1, 2])) == [0, 102, 204, 51, 153, 255])
    }

    /// A float32 running sum would lose the last digits of a mean over millions of pixels.
    @Test func sumsLargeImagesAccurately() {
        let (height, width) = (1500, 1500)
        var big = image(seed: 8, height, width) { $0 * 0.01 + 100 }
        let reference = image(seed: 9, 40, 40) { $0 * 0.1 + 0.5 }
        ColorFix.apply(to: &big, matching: reference)
        let mean = big.floatArray[..<(height * width)].reduce(0.0) { $0 + Double($1) } / Double(height * width)
        let wanted = reference.floatArray[..<1600].reduce(0.0) { $0 + Double($1) } / 1600
        #expect(abs(mean - wanted) < 1e-4)
    }
}

@Suite struct LowFrequenciesTests {
    @Test func matchesPyTorch() throws {
        let source = image(seed: 5, 11, 37)
        let before = source.floatArray
        let result = LowFrequencies.of(source)
        #expect(result.shape == [1, 3, 11, 37])
        #expect(largestDifference(result.floatArray, floats(try fixture("low_frequencies"))) < 1e-6)
        #expect(source.floatArray == before)
    }

    @Test func keepsFlatImages() {
        for (height, width) in [(1, 1), (1, 40), (40, 1), (3, 5)] {
            let flat = Tensor([Float](repeating: 0.5, count: 3 * height * width), shape: [3, height, width])
            #expect(LowFrequencies.of(flat).floatArray == flat.floatArray)
        }
    }
}

@Suite struct PaddingTests {
    @Test func padsAndCrops() {
        let (height, width) = (3, 70)
        let samples = (0..<height * width * 3).map { UInt8($0 * 7 % 256) }
        let padded = Padding.planes(rgb: samples, height: height, width: width)
        #expect(padded.shape == [1, 3, 64, 128])
        let floats = padded.floatArray
        #expect(floats[0] == 0 && floats[1] == 21 / 255 && floats[64 * 128] == 7 / 255)
        #expect(
            floats.indices.allSatisfy { index in
                let (y, x) = (index / 128 % 64, index % 128)
                return y < height && x < width || floats[index] == 0
            })
        let cropped = Padding.crop(padded, height: height, width: width)
        #expect(cropped.shape == [1, 3, height, width])
        #expect(cropped.floatArray == Padding.planes(rgb: samples, height: height, width: width, multiple: 1).floatArray)
    }

    /// `value / 255` in float64 and rounded, as the released code has it, is the same as in float32.
    @Test func scalesAllSamples() {
        let samples = (0..<258).map { UInt8(min($0, 255)) }
        let planes = Padding.planes(rgb: samples, height: 86, width: 1, multiple: 1)
        let floats = planes.floatArray
        for (index, sample) in samples.enumerated() {
            #expect(floats[index % 3 * 86 + index / 3] == Float(Double(sample) / 255))
        }
    }

    @Test func roundsUp() {
        #expect([1, 63, 64, 65, 128].map { Padding.paddedLength($0) } == [64, 64, 64, 128, 128])
    }
}
