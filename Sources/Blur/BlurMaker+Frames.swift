import Files
import Images

extension BlurMaker {
    /// What a camera whose shutter is open for several frames of a film sees: their mean in linear light, with frames between them made from how pixels move, as REDS was made (there
    /// by a network).
    ///
    /// - Parameters:
    ///   - frames: paths in the order of time; an odd count. The sharp picture is the one in the middle.
    ///   - between: into how many parts the time from a frame to the next is cut.
    public func averaged(frames: [String], between: Int, name: String) throws -> Result {
        try validate()
        guard frames.count >= 3, !frames.count.isMultiple(of: 2) else {
            throw InputError("the mean is of 3, 5, 7 ... frames, not \(frames.count)", at: "`frames`")
        }
        guard (1...64).contains(between) else { throw InputError("is 1 to 64, not \(between)", at: "`between`") }
        let sharp = try Photo(reading: frames[frames.count / 2], limits: limits)
        let channels = sharp.isGray ? 1 : 3
        let count = sharp.width * sharp.height
        try AvailableMemory.require(count * 4 * (3 * channels + 16), for: "averaging the frames")
        var random = SeededNumbers(seed: seed, name: name)
        let (read, shot) = (random.uniform(in: readNoise), random.uniform(in: shotNoise))
        let quality = jpegQuality.map { random.uniform(in: $0) }
        var sums = (0..<channels).map { _ in Plane(width: sharp.width, height: sharp.height, values: [Float](repeating: 0, count: count)) }
        func add(_ planes: [Plane], _ weight: Float) {
            for channel in 0..<channels {
                let plane = planes[channel]
                for index in 0..<count { sums[channel].values[index] += weight * plane.values[index] }
            }
        }
        // The first and last instant count half: those between are the middles of their times.
        let weight = 1 / Float((frames.count - 1) * between)
        var last: [Plane]?
        for (number, path) in frames.enumerated() {
            let photo = number == frames.count / 2 ? sharp : try Photo(reading: path, limits: limits)
            guard photo.width == sharp.width, photo.height == sharp.height else {
                throw InputError("the frame is \(photo.width) x \(photo.height) pixels, but others are \(sharp.width) x \(sharp.height)", at: path)
            }
            let lights = (0..<channels).map { light(of: photo, $0) }
            if let last, between > 1 {
                let flow = FrameFlow(from: brightness(last), to: brightness(lights), threads: threads)
                for instant in 1..<between {
                    let time = Float(instant) / Float(between)
                    let planes = zip(last, lights).map { first, second in
                        let (before, after) = (
                            first.moved(flow.right, flow.down, by: -time, threads), second.moved(flow.right, flow.down, by: 1 - time, threads)
                        )
                        return Plane(width: sharp.width, height: sharp.height, values: zip(before.values, after.values).map { (1 - time) * $0 + time * $1 })
                    }
                    add(planes, weight)
                }
            }
            add(lights, number == 0 || number == frames.count - 1 ? weight / 2 : weight)
            last = lights
        }
        let plain = sharp.withMetadata(sharp.metadata.stripped)
        let exposed = exposed(sums, like: plain, noise: SeededNumbers(seed: seed, name: name + "/noise"), read: read, shot: shot)
        let record = Record(
            seed: seed, name: name, width: sharp.width, height: sharp.height, motions: [], kernelSize: 0, edges: Edges.mirror.rawValue, response: responseName,
            readNoise: read, shotNoise: shot, jpegQuality: quality, frames: frames.count)
        return Result(blurred: try compressed(exposed, quality), sharp: plain, kernels: [], record: record)
    }

    /// The eye's, about: the root of the mean light.
    private func brightness(_ lights: [Plane]) -> Plane {
        let share = 1 / Float(lights.count)
        return Plane(width: lights[0].width, height: lights[0].height, threads: threads) { y, row in
            for x in 0..<lights[0].width {
                row[x] = (share * lights.reduce(0) { $0 + $1.values[y * lights[0].width + x] }).squareRoot()
            }
        }
    }
}
