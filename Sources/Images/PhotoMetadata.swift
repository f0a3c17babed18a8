/// What a PNG file says about its colours, its physical size, its orientation and its origin. It is carried over to the output, so that
/// the output is shown as the input was, and credited as the input was.
public struct PhotoMetadata: Hashable, Sendable {
    /// An embedded ICC profile, for RGB samples or, in a gray photo, for gray ones.
    public struct ColorProfile: Hashable, Sendable {
        public var name: String
        public var bytes: [UInt8]

        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The unit of ``Density``.
    public enum DensityUnit: Int32, Hashable, Sendable {
        case unknown = 0
        case metre = 1
    }

    /// Pixels per unit.
    public struct Density: Hashable, Sendable {
        public var x: UInt32
        public var y: UInt32
        public var unit: DensityUnit

        public init(x: UInt32, y: UInt32, unit: DensityUnit) {
            self.x = x
            self.y = y
            self.unit = unit
        }
    }

    /// The samples are sRGB, with this rendering intent, 0...3.
    public var srgbIntent: Int32?
    /// The file's gamma times 100,000.
    public var gamma: Int32?
    /// x and y of white, red, green and blue, times 100,000: eight numbers.
    public var chromaticities: [Int32]?
    public var colorProfile: ColorProfile?
    public var density: Density?
    /// EXIF data as it stands in the file (it begins with `II` or `MM`). Its orientation stays true, since pixels are not turned.
    public var exif: [UInt8]?
    /// Texts (XMP, IPTC, author, copyright and others) and coding-independent code points, as they stand in the file.
    public var chunks: [PNGChunk] = []

    public init() {}
}
