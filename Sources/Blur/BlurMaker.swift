import Files
import Images

/// Makes blurred photographs of sharp ones, as the paper's appendix A does: by random trajectories, of the whole picture or of its parts, in linear light.
public struct BlurMaker: Sendable {
    public var trajectories = Trajectory.Options()
    public var regions = Regions.none
    public var edges = Edges.crop
    public var response = CameraResponse.sRGB
    /// Deviation of the noise in black, as a share of white's light.
    public var readNoise = 0.0...0.0
    /// Deviation in white of the noise that grows with the light's root.
    public var shotNoise = 0.0...0.0
    /// What JPEG of this quality does to the result; nil for nothing.
    public var jpegQuality: ClosedRange<Int>?
    public var seed: UInt64 = 231
    public var limits = ReadingLimits()
    public var threads = 1

    /// What moves by itself before the background.
    public enum Regions: Hashable, Sendable {
        case none
        /// So many smooth shapes.
        case random(ClosedRange<Int>)
        /// Masks in a folder, by the photographs' names.
        case masks(folder: String)
    }

    /// What is known of the light from beyond the picture.
    public enum Edges: String, CaseIterable, Sendable {
        /// The picture gets smaller by half a kernel on each side.
        case crop
        /// The picture is mirrored.
        case mirror
    }

    public init() {}

    /// A blurred photograph, and what belongs to it.
    public struct Result: Sendable {
        public let blurred: Photo
        /// Of the same size.
        public let sharp: Photo
        /// Of the background, then of the regions from back to front.
        public let kernels: [BlurKernel]
        public let record: Record
    }

    /// How a photograph was blurred, in pixels and degrees.
    public struct Record: Codable, Hashable, Sendable {
        public var seed: UInt64
        /// What random numbers come from, beside the seed.
        public var name: String
        public var width: Int
        public var height: Int
        /// As ``Result/kernels``.
        public var motions: [Motion]
        public var kernelSize: Int
        public var edges: String
        /// "srgb", or a gamma.
        public var response: String
        public var readNoise: Double
        public var shotNoise: Double
        public var jpegQuality: Int?
        /// So many frames were averaged instead of motions.
        public var frames: Int?
        /// The files, below the folder of the results.
        public var sharpFile: String?
        public var blurredFile: String?
        public var kernelFile: String?
    }

    /// A trajectory in numbers.
    public struct Motion: Codable, Hashable, Sendable {
        public var length: Double
        /// The largest distance between two of its points.
        public var extent: Double
        /// In 0..<180, clockwise from the right.
        public var direction: Double
        /// Curvature: degrees a pixel of the way.
        public var turning: Double
        public var anxiety: Double
        /// What it was scaled by, to fit or to have an extent.
        public var scale: Double
        /// Share of the picture that shows what moves so.
        public var share: Double

        public init(_ trajectory: Trajectory, share: Double = 1) {
            func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
            (length, extent) = (rounded(trajectory.length), rounded(trajectory.extent))
            (direction, turning) = (rounded(trajectory.direction), rounded(trajectory.turning))
            (anxiety, scale, self.share) = (trajectory.anxiety, trajectory.scale, rounded(share))
        }
    }

    /// Throws for what cannot be.
    public func validate() throws {
        let size = trajectories.kernelSize
        guard (3...1025).contains(size), !size.isMultiple(of: 2) else { throw InputError("is an odd number from 3 to 1025, not \(size)", at: "`kernelSize`") }
        func check(_ range: ClosedRange<Double>?, _ name: String, _ allowed: ClosedRange<Double>) throws {
            guard let range, !(allowed.contains(range.lowerBound) && allowed.contains(range.upperBound)) else { return }
            throw InputError("is from \(allowed.lowerBound) to \(allowed.upperBound)", at: "`\(name)`")
        }
        try check(trajectories.length, "length", 0.001...100_000)
        try check(trajectories.extent, "extent", 0...1024)
        try check(trajectories.anxiety, "anxiety", 0...1)
        try check(readNoise, "readNoise", 0...1)
        try check(shotNoise, "shotNoise", 0...1)
        if let extent = trajectories.extent, extent.upperBound > Double(size - 3) {
            throw InputError(
                "a way of \(extent.upperBound) pixels does not fit into a kernel of \(size)", at: "`extent`", advice: "Choose a larger `kernelSize`.")
        }
        if case .random(let count) = regions, !(count.lowerBound >= 1 && count.upperBound <= 16) { throw InputError("are 1 to 16", at: "`regions`") }
        if let jpegQuality, !(jpegQuality.lowerBound >= 1 && jpegQuality.upperBound <= 100) { throw InputError("is 1 to 100", at: "`jpegQuality`") }
        if case .gamma(let gamma) = response, !(0.1...10).contains(gamma) { throw InputError("is srgb, or a gamma of 0.1 to 10", at: "`response`") }
    }

    /// - Parameter name: decides the random numbers, with the seed; and the names of masks.
    /// - Throws: an ``InputError`` where the photograph is too small, or masks are missing or of another size.
    public func blurred(_ photo: Photo, name: String, number: Int = 0) throws -> Result {
        try validate()
        let (size, reach) = (trajectories.kernelSize, trajectories.kernelSize / 2)
        let margin = edges == .crop ? reach : 0
        let (width, height) = (photo.width - 2 * margin, photo.height - 2 * margin)
        guard width > 0, height > 0 else {
            throw InputError(
                "is \(photo.width) x \(photo.height) pixels, too small to cut \(reach) off each side",
                advice: "Choose a smaller `kernelSize`, or `edges` mirror.")
        }
        let label = number == 0 ? name : "\(name)#\(number)"
        var random = SeededNumbers(seed: seed, name: label)
        let masks = try masks(of: photo, name: name, &random)
        // Light, masked light, two results of a channel; the masks at rest and moved.
        try AvailableMemory.require((photo.width + 2 * reach) * (photo.height + 2 * reach) * 4 * (6 + 2 * masks.count), for: "blurring the picture")
        let ways = (0...masks.count).map { _ in Trajectory(trajectories, &random) }
        let kernels = ways.map { BlurKernel($0, size: size) }
        let covers = zip(masks, kernels.dropFirst()).map { moved($0, $1) }
        let (read, shot) = (random.uniform(in: readNoise), random.uniform(in: shotNoise))
        let quality = jpegQuality.map { random.uniform(in: $0) }

        let planes = (0..<(photo.isGray ? 1 : 3)).map { channel in
            let light = light(of: photo, channel)
            var result = moved(light, kernels[0])
            for ((mask, cover), kernel) in zip(zip(masks, covers), kernels.dropFirst()) {
                let front = moved(Plane(width: photo.width, height: photo.height, values: zip(light.values, mask.values).map { $0 * $1 }), kernel)
                result.values = zip(result.values, zip(front.values, cover.values)).map { back, front in front.0 + (1 - min(front.1, 1)) * back }
            }
            return result
        }
        let sharp = photo.withMetadata(photo.metadata.stripped).cropped(x: margin, y: margin, width: width, height: height)
        let exposed = exposed(planes, like: sharp, noise: SeededNumbers(seed: seed, name: label + "/noise"), read: read, shot: shot)
        let record = Record(
            seed: seed, name: label, width: width, height: height, motions: zip(ways, shares(masks)).map { Motion($0, share: $1) }, kernelSize: size,
            edges: edges.rawValue, response: responseName, readNoise: read, shotNoise: shot, jpegQuality: quality)
        return Result(blurred: try compressed(exposed, quality), sharp: sharp, kernels: kernels, record: record)
    }

    var responseName: String { if case .gamma(let gamma) = response { "\(gamma)" } else { "srgb" } }

    private func masks(of photo: Photo, name: String, _ random: inout SeededNumbers) throws -> [Plane] {
        switch regions {
        case .none: return []
        case .random(let count):
            return (0..<random.uniform(in: count)).map { _ in BlurRegions.random(width: photo.width, height: photo.height, &random, threads: threads) }
        case .masks(let folder):
            let files = try BlurRegions.files(in: folder, for: name)
            guard files.count <= 64 else { throw InputError("\(files.count) masks for '\(name)' are more than 64", at: folder) }
            return try files.map { try BlurRegions.mask($0, width: photo.width, height: photo.height, limits: limits) }
        }
    }

    /// Which share of the picture each layer shows, the background first; they add up to 1.
    func shares(_ masks: [Plane]) -> [Double] {
        guard let first = masks.first else { return [1] }
        var open = [Float](repeating: 1, count: first.values.count)
        var shares: [Double] = []
        for mask in masks.reversed() {
            var sum = 0.0
            for index in open.indices {
                sum += Double(open[index] * mask.values[index])
                open[index] *= 1 - mask.values[index]
            }
            shares.append(sum / Double(open.count))
        }
        return [1 - shares.reduce(0, +)] + shares.reversed()
    }

    private func moved(_ plane: Plane, _ kernel: BlurKernel) -> Plane {
        (edges == .crop ? plane : plane.mirrored(margin: kernel.reach, threads: threads)).convolved(with: kernel, threads: threads)
    }

    func light(of photo: Photo, _ channel: Int) -> Plane {
        func light<Value: FixedWidthInteger & UnsignedInteger & Sendable>(_ samples: [Value]) -> Plane {
            let table = response.lights(largest: Int(Value.max))
            let width = photo.width
            return Plane(width: width, height: photo.height, threads: threads) { y, row in
                for x in 0..<width { row[x] = table[Int(samples[(y * width + x) * 3 + channel])] }
            }
        }
        switch photo.samples {
        case .eight(let samples): return light(samples)
        case .sixteen(let samples): return light(samples)
        }
    }

    /// What the camera makes of light: noise, samples.
    func exposed(_ planes: [Plane], like photo: Photo, noise: SeededNumbers, read: Double, shot: Double) -> Photo {
        let table = SampleTable(response)
        let isNoisy = read > 0 || shot > 0
        func samples<Value: FixedWidthInteger & UnsignedInteger & SendableMetatype>(_ type: Value.Type) -> [Value] {
            let (width, count) = (photo.width, photo.width * 3)
            return [Value](unsafeUninitializedCapacity: count * photo.height) { target, initialized in
                nonisolated(unsafe) let target = target.baseAddress!
                forEachBand(of: photo.height, threads: threads) { rows in
                    for y in rows {
                        for (channel, plane) in planes.enumerated() {
                            for x in 0..<width {
                                let index = y * count + x * 3 + channel
                                var light = plane.values[y * width + x]
                                if isNoisy {
                                    let deviation = (read * read + shot * shot * Double(max(light, 0))).squareRoot()
                                    light += Float(deviation * noise.normal(at: UInt64(index)))
                                }
                                let value = Value((table.sample(ofLight: light) * Float(Value.max)).rounded())
                                for copy in 0..<(planes.count == 1 ? 3 : 1) { target[index + copy] = value }
                            }
                        }
                    }
                }
                initialized = count * photo.height
            }
        }
        return photo.withSamples(photo.samples.bits == 8 ? .eight(samples(UInt8.self)) : .sixteen(samples(UInt16.self)))
    }

    func compressed(_ photo: Photo, _ quality: Int?) throws -> Photo {
        guard let quality else { return photo }
        var options = WritingOptions()
        options.quality = quality
        let bytes = try photo.encoded(as: JPEGCodec(), options: options)
        let read = try bytes.withUnsafeBytes { try Photo(bytes: $0, limits: limits) }
        return Photo(
            width: photo.width, height: photo.height, samples: read.samples, alpha: photo.alpha.map { .eight($0.eightBit) }, isGray: photo.isGray,
            metadata: photo.metadata)
    }
}
