/// A picture: 8-bit RGB samples, row by row from the top, and what its file said about them.
public struct Photo: Hashable, Sendable {
    /// In pixels; 1...32768.
    public let width: Int
    /// In pixels; 1...32768.
    public let height: Int
    /// Red, green, blue of each pixel: height x width x 3 samples.
    public let pixels: [UInt8]
    /// The opacity of each pixel, height x width samples, or nil where all are opaque.
    ///
    /// Colours are kept as they are stored and never blended with a background: what is restored are the colours, and the
    /// opacity is written back beside them. (Blending would leave a fringe of background at every soft edge.)
    public let alpha: [UInt8]?
    /// Whether it is written as one grey channel rather than three of colour; see ``grayLevels``.
    public let isGray: Bool
    public let metadata: PhotoMetadata

    /// Longer sides are refused.
    public static let maximumDimension = 32768
    /// 2^28 pixels, 768 MiB of samples; more are refused.
    public static let maximumPixelCount = 1 << 28

    /// A picture from its samples, whose count must be height x width x 3 (and height x width of `alpha`).
    public init(
        width: Int, height: Int, pixels: [UInt8], alpha: [UInt8]? = nil, isGray: Bool = false, metadata: PhotoMetadata = PhotoMetadata()
    ) {
        precondition(
            (1...Photo.maximumDimension).contains(width) && (1...Photo.maximumDimension).contains(height), "size out of range")
        precondition(pixels.count == width * height * 3, "samples do not fit the size")
        precondition(alpha.map { $0.count == width * height } ?? true, "opacities do not fit the size")
        self.width = width
        self.height = height
        self.pixels = pixels
        self.alpha = alpha
        self.isGray = isGray
        self.metadata = metadata
    }

    /// Other colours for the same picture: same size, opacity and metadata, and grey if it was.
    public func withPixels(_ pixels: [UInt8]) -> Photo {
        Photo(width: width, height: height, pixels: pixels, alpha: alpha, isGray: isGray, metadata: metadata)
    }

    /// One level for each pixel, height x width: the mean of red, green and blue, rounded. A grey level is read as three equal samples, so this is its inverse; of
    /// a colour that restoring made of it, it is the nearest grey (in least squares), and its noise is the least.
    public var grayLevels: [UInt8] {
        pixels.withUnsafeBufferPointer { pixels in
            (0..<width * height).map { pixel in
                let sum = Int(pixels[pixel * 3]) + Int(pixels[pixel * 3 + 1]) + Int(pixels[pixel * 3 + 2])
                return UInt8((sum + 1) / 3)
            }
        }
    }
}
