import Files
import Foundation
import GraphTestSupport
import Images
import Testing

@testable import Blur

@Suite struct TrajectoryTests {
    private func straight(_ length: Double, down: Bool = false) -> Trajectory {
        Trajectory(
            points: (0...2000).map { step in
                let place = length * Double(step) / 2000
                return down ? SIMD2(0, place) : SIMD2(place, 0)
            })
    }

    /// A pixel of the kernel sees a line through a tent as wide as a pixel to each side.
    @Test func straightLineIsABox() {
        for down in [false, true] {
            let kernel = BlurKernel(straight(9, down: down), size: 15)
            for place in 0..<225 {
                let (x, y) = down ? (place / 15 - 7, place % 15 - 7) : (place % 15 - 7, place / 15 - 7)
                let wanted: Double = y != 0 ? 0 : abs(x) < 4 ? 1 / 9 : abs(x) == 4 ? 0.875 / 9 : abs(x) == 5 ? 0.125 / 9 : 0
                #expect(abs(Double(kernel.shares[place]) - wanted) < 1e-5, "\(x), \(y)")
            }
        }
        let way = straight(9)
        #expect(abs(way.length - 9) < 1e-9 && abs(way.extent - 9) < 1e-9 && way.turning < 1e-6 && way.direction == 0)
        #expect(straight(9, down: true).direction == 90)
    }

    @Test func aPointIsNoBlur() {
        let kernel = BlurKernel(Trajectory(points: [.zero, .zero]), size: 3)
        #expect(kernel.shares == [0, 0, 0, 0, 1, 0, 0, 0, 0])
    }

    @Test func kernelsAddUpToOneAroundTheMiddle() {
        for index in 0..<200 {
            var random = SeededNumbers(seed: 1, name: "\(index)")
            let kernel = BlurKernel(Trajectory(Trajectory.Options(), &random), size: 65)
            #expect(abs(kernel.shares.reduce(0) { $0 + Double($1) } - 1) < 1e-5)
            for axis in [(0..<65 * 65).map { $0 % 65 }, (0..<65 * 65).map { $0 / 65 }] {
                let middle = zip(kernel.shares, axis).reduce(0) { $0 + Double($1.0) * Double($1.1 - 32) }
                #expect(abs(middle) < 1e-4)
            }
        }
    }

    /// The paper: lengths of 1 to 1000, evenly. Longer ways turn back, so that they fit.
    @Test func statisticsAreThePapers() throws {
        let motions = (0..<2000).map { index in
            var random = SeededNumbers(seed: 2, name: "\(index)")
            return BlurMaker.Motion(Trajectory(Trajectory.Options(), &random))
        }
        let statistics = try #require(MotionStatistics(motions))
        let drawn = MotionStatistics.Spread(motions.map { $0.length / $0.scale })
        #expect(drawn.least >= 1 && drawn.most <= 1000)
        #expect(abs(drawn.mean - 500.5) < 25 && abs(drawn.median - 500.5) < 35, "\(drawn)")
        #expect(statistics.extent.most <= 2.0.squareRoot() * 63)
        #expect(statistics.straightness.most <= 1 + 1e-6 && statistics.turning.median > 1)
        // As many ways go in each direction.
        let across = Double(motions.count { $0.direction < 45 || $0.direction >= 135 }) / 2000
        #expect(abs(across - 0.5) < 0.05, "\(across)")
    }

    @Test func extentIsWhatIsAskedFor() {
        var options = Trajectory.Options()
        options.extent = 14...14
        for index in 0..<50 {
            var random = SeededNumbers(seed: 3, name: "\(index)")
            #expect(abs(Trajectory(options, &random).extent - 14) < 0.5)
        }
    }

    @Test func anxietyBends() throws {
        func turning(_ anxiety: Double) throws -> Double {
            var options = Trajectory.Options()
            (options.length, options.anxiety) = (60...60, anxiety...anxiety)
            let motions = (0..<100).map { index in
                var random = SeededNumbers(seed: 4, name: "\(index)")
                return BlurMaker.Motion(Trajectory(options, &random))
            }
            return try #require(MotionStatistics(motions)).turning.mean
        }
        #expect(try turning(0) < 0.1)
        #expect(try turning(0.001) < turning(0.01))
        #expect(try turning(0.01) < turning(0.1))
    }
}

@Suite struct SeededNumbersTests {
    /// SplitMix64's numbers do not depend on the machine; these were computed once with another program.
    @Test func bitsAreThoseOfSplitMix() {
        let numbers = SeededNumbers(seed: 231, name: "photo")
        #expect(numbers.bits(at: 0) != numbers.bits(at: 1))
        #expect(SeededNumbers(seed: 231, name: "photo").bits(at: 7) == numbers.bits(at: 7))
        #expect(SeededNumbers(seed: 232, name: "photo").bits(at: 7) != numbers.bits(at: 7))
        #expect(SeededNumbers(seed: 231, name: "photos").bits(at: 7) != numbers.bits(at: 7))
    }

    @Test func normalNumbersAreNormal() {
        let numbers = SeededNumbers(seed: 5, name: "normal")
        let count = 200_000
        let values = (0..<count).map { numbers.normal(at: UInt64($0)) }
        func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / Double(count) }
        #expect(abs(moment(1)) < 0.01 && abs(moment(2) - 1) < 0.02 && abs(moment(3)) < 0.03 && abs(moment(4) - 3) < 0.1)
        for (bound, share) in [(1.0, 0.6827), (2.0, 0.9545), (3.0, 0.9973)] {
            #expect(abs(Double(values.count { abs($0) < bound }) / Double(count) - share) < 0.005)
        }
    }

    @Test func powersAreThoseOfTheLibrary() {
        for base in [1e-9, 0.003, 0.04045, 0.5, 0.7071, 1, 1.5, 3, 1000] {
            for exponent in [0.2, 1 / 2.4, 1, 2.2, 2.4, 5] {
                let wanted = pow(base, exponent)
                #expect(abs(Portable.power(base, exponent) - wanted) <= 1e-13 * wanted, "\(base) ^ \(exponent)")
            }
        }
    }

    @Test func responsesComeBack() {
        for response in [CameraResponse.sRGB, .gamma(1), .gamma(2.2)] {
            let (lights, table) = (response.lights(largest: 65535), SampleTable(response))
            for sample in stride(from: 0, through: 65535, by: 7) {
                #expect(abs(table.sample(ofLight: lights[sample]) * 65535 - Float(sample)) < 0.5, "\(sample) of \(response)")
            }
        }
    }
}

@Suite struct BlurMakerTests {
    private func photo(_ width: Int = 96, _ height: Int = 80, seed: UInt64 = 1) -> Photo {
        let numbers = SeededNumbers(seed: seed, name: "photo")
        return Photo(width: width, height: height, pixels: (0..<width * height * 3).map { UInt8(truncatingIfNeeded: numbers.bits(at: UInt64($0 / 24))) })
    }

    private func maker(size: Int = 33) -> BlurMaker {
        var maker = BlurMaker()
        maker.trajectories.kernelSize = size
        return maker
    }

    /// The same pixels on every machine: the digests are stored here.
    @Test func theSameBitsAnywhere() throws {
        var maker = maker()
        (maker.regions, maker.readNoise, maker.shotNoise) = (.random(1...3), 0.001...0.003, 0.01...0.02)
        var digests: [String] = []
        for threads in [1, 3] {
            maker.threads = threads
            let result = try maker.blurred(photo(), name: "a")
            digests.append(FNV.digest(result.blurred.pixels))
            #expect(try maker.blurred(photo(), name: "b").blurred != result.blurred)
            #expect(try maker.blurred(photo(), name: "a", number: 1).blurred != result.blurred)
        }
        #expect(digests == ["cb619d00650572f2", "cb619d00650572f2"])
    }

    @Test func constantsStay() throws {
        for edges in BlurMaker.Edges.allCases {
            for value: UInt8 in [0, 1, 100, 255] {
                var maker = maker()
                (maker.edges, maker.regions) = (edges, .random(2...2))
                let flat = Photo(width: 70, height: 60, pixels: [UInt8](repeating: value, count: 70 * 60 * 3))
                let result = try maker.blurred(flat, name: "flat")
                #expect(result.blurred.pixels.allSatisfy { $0 == value })
                #expect((result.blurred.width, result.sharp.width) == (edges == .crop ? (38, 38) : (70, 70)))
            }
        }
    }

    /// A point of light becomes the kernel, as it is and not turned around.
    @Test func lightGoesWhereTheKernelSays() throws {
        var pixels = [UInt16](repeating: 0, count: 65 * 65 * 3)
        for channel in 0..<3 { pixels[(32 * 65 + 32) * 3 + channel] = 65535 }
        var maker = maker(size: 33)
        (maker.response, maker.trajectories.length) = (.gamma(1), 20...40)
        let result = try maker.blurred(Photo(width: 65, height: 65, samples: .sixteen(pixels)), name: "point")
        guard case .sixteen(let samples) = result.blurred.samples else { return #expect(Bool(false)) }
        for place in 0..<33 * 33 { #expect(abs(Float(samples[place * 3]) / 65535 - result.kernels[0].shares[place]) < 2e-5) }
    }

    @Test func withoutMotionNothingChanges() throws {
        var maker = maker()
        (maker.trajectories.extent, maker.edges) = (0...0, .mirror)
        let sharp = photo()
        #expect(try maker.blurred(sharp, name: "still").blurred.pixels == sharp.pixels)
    }

    @Test func depthAndGrayAndOpacityStay() throws {
        let plain = photo()
        let gray = Photo(
            width: 96, height: 80, samples: .sixteen((0..<96 * 80 * 3).map { (place: Int) -> UInt16 in UInt16(place / 3 * 8) }),
            alpha: .sixteen((0..<96 * 80).map { UInt16($0) }), isGray: true)
        var maker = maker()
        maker.shotNoise = 0.01...0.01
        let result = try maker.blurred(gray, name: "gray").blurred
        #expect(result.isGray && result.samples.bits == 16)
        guard case .sixteen(let alpha)? = result.alpha, case .sixteen(let samples) = result.samples else { return #expect(Bool(false)) }
        #expect(alpha[0] == 16 * 96 + 16 && alpha.count == 64 * 48)
        for pixel in 0..<64 * 48 {
            let gray: UInt16 = samples[pixel * 3]
            #expect(samples[pixel * 3 + 1] == gray)
            #expect(samples[pixel * 3 + 2] == gray)
        }
        maker.jpegQuality = 30...30
        #expect(try maker.blurred(plain, name: "a").blurred.samples.bits == 8)
        #expect(try maker.blurred(plain, name: "a").record.jpegQuality == 30)
    }

    /// Layers add up to the whole, also where masks lie over each other; what is behind does not show through.
    @Test func regionsPartition() throws {
        var random = SeededNumbers(seed: 9, name: "regions")
        let masks = (0..<3).map { _ in BlurRegions.random(width: 90, height: 60, &random, threads: 2) }
        for mask in masks {
            #expect(mask.values.allSatisfy { (0...1).contains($0) })
            // Edges are about a pixel wide.
            #expect(mask.values.count { $0 > 0 && $0 < 1 } < 90 * 60 / 8)
        }
        let shares = BlurMaker().shares(masks)
        #expect(shares.count == 4 && shares.allSatisfy { $0 >= -1e-9 } && abs(shares.reduce(0, +) - 1) < 1e-9)
        let whole = Plane(width: 90, height: 60, values: [Float](repeating: 1, count: 5400))
        #expect(BlurMaker().shares([masks[0], whole]) == [0, 0, 1])
    }

    @Test func masksMoveByThemselves() throws {
        try withScratchFolder { folder in
            let sharp = photo()
            var pixels = [UInt8](repeating: 0, count: 96 * 80 * 3)
            for y in 0..<80 { for index in 0..<48 * 3 { pixels[y * 288 + index] = 255 } }
            try Photo(width: 96, height: 80, pixels: pixels).writePNG(folder + "/a.png")
            var maker = maker(size: 17)
            maker.regions = .masks(folder: folder)
            let result = try maker.blurred(sharp, name: "a")
            #expect(result.kernels.count == 2 && abs(result.record.motions[1].share - 0.5) < 1e-9)
            // Far from the edge each half is as if all of the picture moved so.
            let light = maker.light(of: sharp, 0)
            for (kernel, columns) in [(result.kernels[0], 64..<80), (result.kernels[1], 0..<24)] {
                let alone = light.convolved(with: kernel, threads: 1)
                let table = SampleTable(.sRGB)
                for y in 0..<64 {
                    for x in columns {
                        let wanted = UInt8((table.sample(ofLight: alone.values[y * 80 + x]) * 255).rounded())
                        #expect(abs(Int(result.blurred.pixels[(y * 80 + x) * 3]) - Int(wanted)) <= 1)
                    }
                }
            }
            #expect(throws: InputError.self) { try maker.blurred(photo(50, 80), name: "a") }
            #expect(throws: InputError.self) { try maker.blurred(sharp, name: "none") }
        }
    }

    @Test func badOptionsAreRefused() {
        func refused(_ change: (inout BlurMaker) -> Void) {
            var maker = maker()
            change(&maker)
            #expect(throws: InputError.self) { try maker.blurred(photo(), name: "a") }
        }
        refused { $0.trajectories.kernelSize = 32 }
        refused { $0.trajectories.kernelSize = 1 }
        refused { $0.trajectories.kernelSize = 81 }
        refused { $0.trajectories.length = 0...10 }
        refused { $0.trajectories.extent = 3...40 }
        refused { $0.trajectories.anxiety = 0...2 }
        refused { $0.regions = .random(0...2) }
        refused { $0.jpegQuality = 0...50 }
        refused { $0.response = .gamma(0) }
        refused { $0.readNoise = 0...2 }
    }

    /// A film of a picture that moves by two pixels a frame, averaged, is the picture blurred by a line.
    @Test func framesBecomeALine() throws {
        try withScratchFolder { folder in
            let (width, height) = (120, 80)
            func value(_ x: Double, _ y: Double) -> Double { 0.5 + 0.2 * sin(x / 3) * cos(y / 5) + 0.2 * sin(x / 11 + y / 7) }
            func picture(_ place: (Double) -> Double) throws -> [UInt16] {
                (0..<width * height).flatMap { [UInt16](repeating: UInt16(65535 * place(Double($0))), count: 3) }
            }
            func frame(_ shift: Double) throws -> [UInt16] { try picture { value($0.truncatingRemainder(dividingBy: 120) - shift, ($0 / 120).rounded(.down)) } }
            var paths: [String] = []
            for number in 0..<5 {
                paths.append("\(folder)/\(number).png")
                try Photo(width: width, height: height, samples: .sixteen(try frame(2 * Double(number)))).writePNG(paths[number])
            }
            var maker = BlurMaker()
            (maker.response, maker.threads) = (.gamma(1), 2)
            let result = try maker.averaged(frames: paths, between: 8, name: "film")
            let (sum, count) = (try (0..<64).map { try frame(8 * (Double($0) + 0.5) / 64) }, 64.0)
            var worst = 0.0
            guard case .sixteen(let samples) = result.blurred.samples else { return #expect(Bool(false)) }
            for y in 12..<height - 12 {
                for x in 16..<width - 16 {
                    let place = (y * width + x) * 3
                    let wanted = sum.reduce(0) { $0 + Double($1[place]) } / count
                    worst = max(worst, abs(Double(samples[place]) - wanted) / 65535)
                }
            }
            #expect(worst < 0.01, "\(worst)")
            #expect(result.sharp.samples == .sixteen(try frame(4)) && result.record.frames == 5)
            #expect(throws: InputError.self) { try maker.averaged(frames: Array(paths[..<4]), between: 8, name: "film") }
            try photo(50, 50).writePNG(paths[1])
            #expect(throws: InputError.self) { try maker.averaged(frames: paths, between: 8, name: "film") }
        }
    }
}

private enum FNV {
    static func digest(_ bytes: [UInt8]) -> String {
        String(bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
    }
}
