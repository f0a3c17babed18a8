import Files
import Images
import Testing

func photo(_ bytes: [UInt8]) throws -> Photo { try bytes.withUnsafeBytes { try Photo(bytes: $0) } }

extension Photo {
    func pngBytes() throws -> [UInt8] { try encoded(as: PNGCodec()) }
}

/// Numbers without a pattern, the same every time.
func samples(_ count: Int, below limit: Int, seed: UInt64 = 1) -> [Int] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}

@Suite struct PhotoReadingTests {
    private let width = 13
    private let height = 9

    /// Every colour type and depth, plain and interlaced; what each means is worked out here from the samples.
    @Test(arguments: [false, true]) func readsAllKinds(interlaced: Bool) throws {
        let kinds: [(type: UInt8, channels: Int, depths: [Int])] = [
            (0, 1, [1, 2, 4, 8, 16]), (2, 3, [8, 16]), (4, 2, [8, 16]), (6, 4, [8, 16]),
        ]
        for kind in kinds {
            for depth in kind.depths {
                let largest = 1 << depth - 1
                let values = samples(width * height * kind.channels, below: largest + 1)
                let file = HandmadePNG(
                    width: width, height: height, colorType: kind.type, bitDepth: depth, samples: values, isInterlaced: interlaced
                )
                let result = try photo(file.encoded())
                let bytes = values.map { UInt8((Double($0) * 255 / Double(largest)).rounded()) }
                let pixels = stride(from: 0, to: bytes.count, by: kind.channels).map { Array(bytes[$0..<$0 + kind.channels]) }
                let isGray = kind.channels < 3
                let comment: Comment = "colour type \(kind.type), \(depth) bits"
                #expect(result.width == width && result.height == height)
                #expect(result.samples.bits == (depth == 16 ? 16 : 8))
                #expect(result.pixels == pixels.flatMap { isGray ? [$0[0], $0[0], $0[0]] : Array($0[..<3]) }, comment)
                #expect(result.alpha?.eightBit == (kind.channels.isMultiple(of: 2) ? pixels.map { $0.last! } : nil), comment)
            }
        }
    }

    @Test(arguments: [1, 2, 4, 8]) func readsPalettes(depth: Int) throws {
        let colors = samples(3 << depth, below: 256, seed: 2).map { UInt8($0) }
        let values = samples(width * height, below: 1 << depth)
        var file = HandmadePNG(width: width, height: height, colorType: 3, bitDepth: depth, samples: values)
        file.chunks = [("PLTE", colors)]
        let result = try photo(file.encoded())
        #expect(result.pixels == values.flatMap { colors[$0 * 3..<$0 * 3 + 3] })
        #expect(result.alpha == nil)

        file.chunks.append(("tRNS", [0, 128]))
        #expect(try photo(file.encoded()).alpha?.eightBit == values.map { $0 == 0 ? 0 : $0 == 1 ? 128 : 255 })
    }

    @Test func readsTransparentColors() throws {
        var gray = HandmadePNG(width: 3, height: 1, colorType: 0, bitDepth: 8, samples: [5, 6, 7], chunks: [("tRNS", [0, 6])])
        #expect(try photo(gray.encoded()).alpha == .eight([255, 0, 255]))
        #expect(try photo(gray.encoded()).pixels == [5, 5, 5, 6, 6, 6, 7, 7, 7])
        gray.chunks = [("tRNS", [0, 99])]
        #expect(try photo(gray.encoded()).alpha == nil)
        let color = HandmadePNG(
            width: 2, height: 1, colorType: 2, bitDepth: 16, samples: [1, 2, 3, 1, 2, 4], chunks: [("tRNS", [0, 1, 0, 2, 0, 3])])
        #expect(try photo(color.encoded()).alpha == .sixteen([0, 65535]))
    }

    @Test func keeps16Bits() throws {
        let values = [0, 128, 129, 385, 386, 32767, 32768, 65406, 65407, 65535]
        let file = HandmadePNG(width: values.count, height: 1, colorType: 0, bitDepth: 16, samples: values)
        let expected = values.map { UInt8((Double($0) / 257).rounded()) }
        #expect(try photo(file.encoded()).pixels == expected.flatMap { [$0, $0, $0] })
        #expect(try photo(file.encoded()).samples == .sixteen(values.flatMap { [UInt16($0), UInt16($0), UInt16($0)] }))
    }

    @Test func keepsColorsUnderFullTransparency() throws {
        let file = HandmadePNG(width: 1, height: 1, colorType: 6, bitDepth: 8, samples: [10, 20, 30, 0])
        let result = try photo(file.encoded())
        #expect(result.pixels == [10, 20, 30] && result.alpha == .eight([0]))
    }

    /// A stored gamma describes the samples; it must not change them.
    @Test func doesNotApplyGamma() throws {
        var file = HandmadePNG(width: 2, height: 1, colorType: 2, bitDepth: 8, samples: [1, 50, 100, 150, 200, 250])
        file.chunks = [("gAMA", bigEndian(100_000))]
        #expect(try photo(file.encoded()).pixels == [1, 50, 100, 150, 200, 250])
        #expect(try photo(file.encoded()).metadata.gamma == 100_000)
    }

    @Test func leavesBrokenExtrasOut() throws {
        var file = HandmadePNG(width: 1, height: 1, colorType: 2, bitDepth: 8, samples: [1, 2, 3])
        file.chunks = [
            ("iCCP", Array("x\0\0garbage".utf8)), ("pHYs", [1]), ("eXIf", [1, 2, 3]), ("zTXt", [0xff]), ("quUx", [9]),
        ]
        #expect(try photo(file.encoded()) == Photo(width: 1, height: 1, pixels: [1, 2, 3]))
    }
}
