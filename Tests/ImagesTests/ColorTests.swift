import Foundation
import Tensors
import Testing

@testable import Images

@Suite struct ColorTests {
    private let levels: [UInt8] = [0, 1, 9, 64, 128, 200, 254, 255]

    private func patches(_ profile: PhotoMetadata.ColorProfile?, isDeep: Bool = false) -> Photo {
        var pixels: [UInt8] = []
        for r in levels { for g in levels { for b in levels { pixels += [r, g, b] } } }
        var metadata = PhotoMetadata()
        metadata.colorProfile = profile
        let samples = isDeep ? Samples.sixteen(pixels.map { UInt16($0) * 257 }) : .eight(pixels)
        return Photo(width: 32, height: 16, samples: samples, metadata: metadata)
    }

    private func difference(_ a: Photo, _ b: Photo) -> Int { zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max()! }

    /// Also those that sRGB lacks.
    @Test(arguments: [9, 12]) func wideColorsComeBack(primaries: Int) throws {
        let profile = PhotoMetadata.ColorProfile(primaries: primaries, transfer: 13)
        for isDeep in [false, true] {
            let photo = patches(profile, isDeep: isDeep)
            let planes = photo.planes()
            #expect(planes.floatArray.allSatisfy { (0...1).contains($0) })
            #expect(difference(photo.restored(planes), photo) <= 1)
            #expect(photo.restored(planes).metadata == photo.metadata)
        }
    }

    /// Against the matrix that the standard has for Display P3.
    @Test func networksSeeSRGB() throws {
        let photo = patches(PhotoMetadata.ColorProfile(primaries: 12, transfer: 13))
        let floats = photo.planes().floatArray
        func linear(_ v: Double) -> Double { v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4) }
        func coded(_ v: Double) -> Double { v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055 }
        let matrix = [[1.2249401, -0.2249404, 0], [-0.0420569, 1.0420571, 0], [-0.0196376, -0.0786361, 1.0982735]]
        for pixel in 0..<512 {
            let rgb = (0..<3).map { linear(Double(photo.pixels[pixel * 3 + $0]) / 255) }
            for c in 0..<3 {
                let wanted = min(max(coded(zip(matrix[c], rgb).map(*).reduce(0, +)), 0), 1)
                #expect(abs(Double(floats[c * 512 + pixel]) - wanted) < 0.004)
            }
        }
    }

    /// What is sRGB takes the way of the released program, bit for bit.
    @Test func sRGBIsLeftAlone() throws {
        let plain = patches(nil)
        let floats = plain.planes().floatArray
        #expect((0..<512).allSatisfy { pixel in (0..<3).allSatisfy { floats[$0 * 512 + pixel] == Float(plain.pixels[pixel * 3 + $0]) / 255 } })
        // Cut off, not rounded; no numbers are nothing.
        let planes = Tensor([0.999, 1.7, -3, .nan, .infinity, 0.5], shape: [1, 3, 1, 2])
        let result = Photo(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6]).restored(planes)
        #expect(result.pixels == [254, 0, 255, 255, 0, 127])
        let deep = Photo(width: 2, height: 1, samples: .sixteen([1, 2, 3, 4, 5, 6])).restored(planes)
        #expect(deep.samples == .sixteen([65469, 0, 65535, 65535, 0, 32768]))
    }

    /// A blurred colour that sRGB lacks is not laid over what has become another.
    @Test func lostColorsStayWhereTheyBelong() throws {
        let red = Photo(width: 1, height: 1, pixels: [255, 0, 0], metadata: patches(PhotoMetadata.ColorProfile(primaries: 12, transfer: 13)).metadata)
        #expect(red.restored(red.planes()).pixels == [255, 0, 0])
        #expect(red.restored(Tensor([0.2, 0.2, 0.2], shape: [1, 3, 1, 1])).pixels == [51, 51, 51])
    }

    @Test func profilesAreMadeAlike() {
        let (a, b) = (PhotoMetadata.ColorProfile(primaries: 12, transfer: 13), PhotoMetadata.ColorProfile(primaries: 12, transfer: 13))
        #expect(a != nil && a == b && a?.title == "Display P3")
        #expect(PhotoMetadata.ColorProfile(primaries: 1, transfer: 13) == nil && PhotoMetadata.ColorProfile(primaries: 12, transfer: 16) == nil)
    }
}
