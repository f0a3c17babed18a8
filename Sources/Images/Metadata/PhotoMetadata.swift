/// What a file says about its colours, its physical size, and its origin. It is carried over to the output, so that
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

        /// From dots in an inch; nil where they are no sensible number.
        init?(perInch x: Double, _ y: Double) {
            guard (1...100_000).contains(x), (1...100_000).contains(y) else { return nil }
            self.init(x: UInt32((x / 0.0254).rounded()), y: UInt32((y / 0.0254).rounded()), unit: .metre)
        }

        var perInch: (x: Double, y: Double)? { unit == .metre ? (Double(x) * 0.0254, Double(y) * 0.0254) : nil }
    }

    /// The samples are sRGB, with this rendering intent, 0...3; of PNG.
    public var srgbIntent: Int32?
    /// The file's gamma times 100,000; of PNG.
    public var gamma: Int32?
    /// x and y of white, red, green and blue, times 100,000: eight numbers; of PNG.
    public var chromaticities: [Int32]?
    public var colorProfile: ColorProfile?
    public var density: Density?
    public var exif: EXIFData?
    public var xmp: XMPPacket?
    /// IPTC's record of older programs.
    public var iptc: [UInt8]?
    /// Texts (author, copyright and others) and coding-independent code points of PNG files, as they stand in the file.
    public var chunks: [PNGChunk] = []

    public init() {}

    /// Says that the picture is upright and has this size.
    mutating func describe(width: Int, height: Int) {
        exif?.describe(width: width, height: height)
        xmp?.describe(width: width, height: height)
    }

    /// Only what is needed to show the picture as it is.
    public var stripped: PhotoMetadata {
        var result = self
        (result.exif, result.xmp, result.iptc) = (nil, nil, nil)
        result.chunks = chunks.filter { $0.type == "cICP" }
        return result
    }

    /// With how the picture was restored. That does not push out of a JPEG file what fits into it.
    public func recording(_ record: RestorationRecord) -> PhotoMetadata {
        var result = self
        var named = exif ?? EXIFData(software: "")
        named.setSoftware(record.program)
        if !JPEGSegments.isPushedOut(named.bytes, exif?.bytes, limit: JPEGSegments.exifLimit) { result.exif = named }
        var packet = xmp ?? XMPPacket()
        packet.set(record.properties, prefix: RestorationRecord.prefix, namespace: RestorationRecord.namespace)
        if !JPEGSegments.isPushedOut(packet.bytes, xmp?.bytes, limit: JPEGSegments.xmpLimit) { result.xmp = packet }
        return result
    }
}
