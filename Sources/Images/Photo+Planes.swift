import Tensors

extension Photo {
    /// What the networks take: float32 [1, 3, H, W], sRGB in 0...1.
    public func planes() -> Tensor { planes(by: neededConverter) }

    func planes(by converter: ColorConverter?) -> Tensor {
        Tensor(TensorType(.float32, [1, 3, height, width])) { floats in
            switch samples {
            case .eight(let samples): fill(floats, samples, converter)
            case .sixteen(let samples): fill(floats, samples, converter)
            }
        }
    }

    /// The photo with other colours: those of planes as ``planes()`` makes them, in the photo's own profile and depth.
    ///
    /// Samples of 8 bits in sRGB are cut off, as the released program does; all others are rounded. Colours that sRGB lacks were cut off for the networks. What that took
    /// from a pixel is given back to it, as far as its colour is still that of the input.
    ///
    /// - Precondition: the planes have the photo's size.
    public func restored(_ planes: Tensor) -> Photo {
        precondition(planes.type == TensorType(.float32, [1, 3, height, width]), "planes of another size")
        let converter = neededConverter
        switch samples {
        case .eight(let samples): return withSamples(planes.withFloats { restored($0, samples, converter) })
        case .sixteen(let samples): return withSamples(planes.withFloats { restored($0, samples, converter) })
        }
    }

    /// Nil where the samples are sRGB already.
    private var neededConverter: ColorConverter? {
        guard let profile = metadata.colorProfile, let converter = try? ColorConverter(profile: profile.bytes, colors: isGray ? .gray : .rgb),
            !converter.isSRGB, converter.hasInverse
        else { return nil }
        return converter
    }

    private func fill<Value: Sample>(_ floats: UnsafeMutableBufferPointer<Float>, _ samples: [Value], _ converter: ColorConverter?) {
        let count = width * height
        samples.withUnsafeBufferPointer { samples in
            guard let converter else {
                for channel in 0..<3 {
                    for pixel in 0..<count { floats[channel * count + pixel] = Float(samples[pixel * 3 + channel]) / Float(Value.max) }
                }
                return
            }
            var row = ColorRow(width: width, converter)
            for y in 0..<height {
                row.load(samples, y)
                for x in 0..<width { for channel in 0..<3 { floats[channel * count + y * width + x] = row.inside[x * 3 + channel] } }
            }
        }
    }

    private func restored<Value: Sample>(_ floats: UnsafeBufferPointer<Float>, _ samples: [Value], _ converter: ColorConverter?) -> Samples {
        let count = width * height
        let largest = Float(Value.max)
        let result = [Value](unsafeUninitializedCapacity: count * 3) { target, initialized in
            initialized = count * 3
            guard let converter else {
                for channel in 0..<3 {
                    for pixel in 0..<count {
                        // Written so that a NaN fails the first test.
                        let scaled = floats[channel * count + pixel] * largest
                        let value = scaled > 0 ? min(scaled, largest) : 0
                        target[pixel * 3 + channel] = Value(Value.bitWidth == 8 ? value : value.rounded())
                    }
                }
                return
            }
            samples.withUnsafeBufferPointer { samples in
                var row = ColorRow(width: width, converter)
                var colors = [Float](repeating: 0, count: width * 3)
                for y in 0..<height {
                    row.load(samples, y)
                    for x in 0..<width { for channel in 0..<3 { colors[x * 3 + channel] = floats[channel * count + y * width + x] } }
                    row.bringBack(colors)
                    for x in 0..<width {
                        for channel in 0..<3 {
                            let value = ColorConverter.limited(row.result[x * row.channels + (row.channels == 3 ? channel : 0)])
                            target[(y * width + x) * 3 + channel] = Value((value * largest).rounded())
                        }
                    }
                }
            }
        }
        return Value.samples(result)
    }
}

/// A row of pixels on its way to sRGB and back.
private struct ColorRow {
    let converter: ColorConverter
    let width: Int
    /// Of the profile: 1 or 3.
    let channels: Int
    /// In the profile.
    private var own: [Float]
    /// In sRGB, as far as that has them.
    private(set) var inside: [Float]
    /// What is lost by that, in the profile.
    private var lost: [Float]
    /// In the profile, after ``bringBack(_:)``.
    private(set) var result: [Float]

    init(width: Int, _ converter: ColorConverter) {
        self.converter = converter
        self.width = width
        channels = converter.channels
        own = [Float](repeating: 0, count: width * channels)
        inside = [Float](repeating: 0, count: width * 3)
        (lost, result) = (own, own)
    }

    mutating func load<Value: Sample>(_ samples: UnsafeBufferPointer<Value>, _ y: Int) {
        for x in 0..<width { for c in 0..<channels { own[x * channels + c] = Float(samples[(y * width + x) * 3 + c]) / Float(Value.max) } }
        converter.toSRGB(own, &inside)
        for index in inside.indices { inside[index] = ColorConverter.limited(inside[index]) }
    }

    /// Colours in sRGB to the profile.
    mutating func bringBack(_ restored: [Float]) {
        converter.fromSRGB(inside, &lost)
        for index in lost.indices { lost[index] = own[index] - lost[index] }
        var colors = restored
        for x in 0..<width {
            for c in 0..<3 { colors[x * 3 + c] = ColorConverter.limited(colors[x * 3 + c]) }
            guard channels == 1 else { continue }
            let mean = (colors[x * 3] + colors[x * 3 + 1] + colors[x * 3 + 2]) / 3
            for c in 0..<3 { colors[x * 3 + c] = mean }
        }
        converter.fromSRGB(colors, &result)
        for x in 0..<width {
            var change: Float = 0
            for c in 0..<3 { change = max(change, abs(colors[x * 3 + c] - inside[x * 3 + c])) }
            // All of it where nothing has changed, none where a quarter of the scale has.
            let share = max(0, 1 - 4 * change)
            for c in 0..<channels { result[x * channels + c] += share * lost[x * channels + c] }
        }
    }
}
