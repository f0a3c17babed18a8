import Images
import Testing

@testable import Blur

@Suite struct BlurEstimateTests {
    /// Cards over each other.
    private func cards(_ seed: UInt64 = 1, width: Int = 420, height: Int = 340) -> Photo {
        var random = SeededNumbers(seed: seed, name: "cards")
        var pixels = [UInt8](repeating: 128, count: width * height * 3)
        for _ in 0..<150 {
            let (left, top) = (random.uniform(in: 0...width - 2), random.uniform(in: 0...height - 2))
            let (right, bottom) = (min(width, left + random.uniform(in: 8...90)), min(height, top + random.uniform(in: 8...90)))
            let color = (0..<3).map { _ in UInt8(random.uniform(in: 0...255)) }
            for y in top..<bottom { for x in left..<right { for channel in 0..<3 { pixels[(y * width + x) * 3 + channel] = color[channel] } } }
        }
        return Photo(width: width, height: height, pixels: pixels)
    }

    private func blurred(_ extent: Double, anxiety: Double = 0.01, seed: UInt64 = 1) throws -> BlurMaker.Result {
        var maker = BlurMaker()
        (maker.trajectories.extent, maker.trajectories.anxiety, maker.edges) = (extent...extent, anxiety...anxiety, .mirror)
        return try maker.blurred(cards(seed), name: "cards \(seed)")
    }

    @Test func sharpIsSharp() throws {
        for seed: UInt64 in 1...3 {
            let estimate = try #require(BlurEstimate(cards(seed)))
            #expect(estimate.isNearlySharp && estimate.direction == nil, "\(estimate)")
        }
    }

    @Test func extentsAreFound() throws {
        for seed: UInt64 in 1...3 {
            let found = try [4, 8, 14, 24].map { extent in
                let estimate = try #require(BlurEstimate(blurred(extent, seed: seed).blurred))
                #expect(!estimate.isNearlySharp)
                #expect((0.4 * extent...1.8 * extent).contains(estimate.extent), "\(extent): \(estimate)")
                return estimate.extent
            }
            #expect(found == found.sorted(), "\(found)")
        }
    }

    @Test func directionOfALineIsFound() throws {
        let differences = try (1...5 as ClosedRange<UInt64>).compactMap { seed -> Double? in
            let result = try blurred(12, anxiety: 0, seed: seed)
            guard let direction = BlurEstimate(result.blurred)?.direction else { return nil }
            let difference = abs(direction - result.record.motions[0].direction)
            return min(difference, 180 - difference)
        }
        #expect(differences.count >= 4 && differences.allSatisfy { $0 < 20 }, "\(differences)")
    }

    @Test func depthDoesNotMatter() throws {
        let photo = try blurred(8).blurred
        let deep = photo.withSamples(.sixteen(photo.pixels.map { UInt16($0) * 257 }))
        let (eight, sixteen) = (try #require(BlurEstimate(photo)), try #require(BlurEstimate(deep)))
        #expect(abs(eight.extent - sixteen.extent) < 0.2)
    }

    @Test func whatCannotBeToldIsNil() {
        #expect(BlurEstimate(Photo(width: 400, height: 300, pixels: [UInt8](repeating: 9, count: 360_000))) == nil)
        #expect(BlurEstimate(Photo(width: 97, height: 400, pixels: [UInt8](repeating: 9, count: 97 * 1200))) == nil)
        #expect(BlurEstimate(Photo(width: 1, height: 1, pixels: [1, 2, 3])) == nil)
    }
}
