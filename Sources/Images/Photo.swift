/// A picture, upright: RGB samples of 8 or 16 bits, row by row from the top, and what its file said about them.
public struct Photo: Hashable, Sendable {
    /// In pixels.
    public let width: Int
    /// In pixels.
    public let height: Int
    /// Red, green, blue of each pixel: height x width x 3 samples. They are colours of the profile that the metadata hold, or of sRGB.
    public let samples: Samples
    /// The opacity of each pixel, height x width samples of as many bits, or nil where all are opaque.
    ///
    /// Colours are kept as they are stored and never blended with a background: what is restored are the colours, and the
    /// opacity is written back beside them. (Blending would leave a fringe of background at every soft edge.)
    public let alpha: Samples?
    /// Whether it is written as one grey channel rather than three of colour; see ``grayLevels``.
    public let isGray: Bool
    public let metadata: PhotoMetadata

    /// Longer sides are refused.
    public static let maximumDimension = 1 << 20

    /// A picture from its samples, whose count must be height x width x 3 (and height x width of `alpha`).
    public init(width: Int, height: Int, samples: Samples, alpha: Samples? = nil, isGray: Bool = false, metadata: PhotoMetadata = PhotoMetadata()) {
        precondition(
            (1...Photo.maximumDimension).contains(width) && (1...Photo.maximumDimension).contains(height), "size out of range")
        precondition(samples.count == width * height * 3, "samples do not fit the size")
        precondition(alpha.map { $0.count == width * height && $0.bits == samples.bits } ?? true, "opacities do not fit the samples")
        self.width = width
        self.height = height
        self.samples = samples
        self.alpha = alpha
        self.isGray = isGray
        self.metadata = metadata
    }

    /// A picture of 8 bits a sample.
    public init(
        width: Int, height: Int, pixels: [UInt8], alpha: [UInt8]? = nil, isGray: Bool = false, metadata: PhotoMetadata = PhotoMetadata()
    ) {
        self.init(width: width, height: height, samples: .eight(pixels), alpha: alpha.map { .eight($0) }, isGray: isGray, metadata: metadata)
    }

    /// The samples in 8 bits.
    public var pixels: [UInt8] { samples.eightBit }

    /// Other colours for the same picture: same size, opacity and metadata, and grey if it was.
    public func withSamples(_ samples: Samples) -> Photo {
        Photo(width: width, height: height, samples: samples, alpha: alpha, isGray: isGray, metadata: metadata)
    }

    public func withPixels(_ pixels: [UInt8]) -> Photo {
        Photo(width: width, height: height, samples: .eight(pixels), alpha: alpha.map { .eight($0.eightBit) }, isGray: isGray, metadata: metadata)
    }

    public func withMetadata(_ metadata: PhotoMetadata) -> Photo {
        Photo(width: width, height: height, samples: samples, alpha: alpha, isGray: isGray, metadata: metadata)
    }

    /// A part of the picture, with what its file said.
    ///
    /// - Precondition: it lies in the picture.
    public func cropped(x left: Int, y top: Int, width: Int, height: Int) -> Photo {
        precondition(left >= 0 && top >= 0 && left + width <= self.width && top + height <= self.height, "the part lies outside")
        if width == self.width, height == self.height { return self }
        func part(_ samples: Samples, _ channels: Int) -> Samples {
            func part<Value: Sample>(_ samples: [Value]) -> Samples {
                var result: [Value] = []
                result.reserveCapacity(width * height * channels)
                for y in top..<top + height { result += samples[(y * self.width + left) * channels..<(y * self.width + left + width) * channels] }
                return Value.samples(result)
            }
            switch samples {
            case .eight(let samples): return part(samples)
            case .sixteen(let samples): return part(samples)
            }
        }
        var metadata = metadata
        metadata.describe(width: width, height: height)
        return Photo(width: width, height: height, samples: part(samples, 3), alpha: alpha.map { part($0, 1) }, isGray: isGray, metadata: metadata)
    }

    /// One level for each pixel, height x width: the mean of red, green and blue, rounded. A grey level is read as three equal samples, so this is its inverse; of
    /// a colour that restoring made of it, it is the nearest grey (in least squares), and its noise is the least.
    public var grayLevels: Samples {
        func levels<Value: Sample>(_ samples: [Value]) -> Samples {
            samples.withUnsafeBufferPointer { samples in
                Value.samples(
                    (0..<width * height).map { pixel in
                        let sum = Int(samples[pixel * 3]) + Int(samples[pixel * 3 + 1]) + Int(samples[pixel * 3 + 2])
                        return Value((sum + 1) / 3)
                    })
            }
        }
        switch samples {
        case .eight(let samples): return levels(samples)
        case .sixteen(let samples): return levels(samples)
        }
    }

    /// The picture as files have it: grey or colours, with the opacity if there is one, side by side for each pixel.
    ///
    /// - Parameter bits: 8 rounds samples of 16 bits.
    func interleaved(bits: Int, grayAsColor: Bool = false, withoutAlpha: Bool = false) -> (samples: Samples, channels: Int) {
        var colors = isGray && !grayAsColor ? grayLevels : samples
        var alpha = withoutAlpha ? nil : alpha
        if bits == 8, colors.bits == 16 { (colors, alpha) = (.eight(colors.eightBit), alpha.map { .eight($0.eightBit) }) }
        let count = isGray && !grayAsColor ? 1 : 3
        func joined<Value: Sample>(_ colors: [Value], _ alpha: [Value]) -> Samples {
            Value.samples(
                [Value](unsafeUninitializedCapacity: width * height * (count + 1)) { target, initialized in
                    colors.withUnsafeBufferPointer { colors in
                        alpha.withUnsafeBufferPointer { alpha in
                            for pixel in 0..<width * height {
                                for c in 0..<count { target[pixel * (count + 1) + c] = colors[pixel * count + c] }
                                target[pixel * (count + 1) + count] = alpha[pixel]
                            }
                        }
                    }
                    initialized = width * height * (count + 1)
                })
        }
        switch (colors, alpha) {
        case (.eight(let colors), .eight(let alpha)): return (joined(colors, alpha), count + 1)
        case (.sixteen(let colors), .sixteen(let alpha)): return (joined(colors, alpha), count + 1)
        default: return (colors, count)
        }
    }
}
