import CLCMS
import Files

/// Colours of an ICC profile as sRGB, and back. Numbers are 0...1; in sRGB they may lie outside, where it lacks a colour.
final class ColorConverter {
    private let transform: OpaquePointer
    let channels: Int

    /// - Throws: `InputError` with what is wrong with the profile.
    init(profile: [UInt8], colors: DecodedImage.Colors) throws {
        var message = [CChar](repeating: 0, count: Int(DD_COLOR_MESSAGE_SIZE))
        guard let transform = dd_color_open(profile, profile.count, Int32(colors.rawValue), &message) else { throw InputError(text(ofC: message)) }
        self.transform = transform
        channels = colors.rawValue
    }

    deinit { dd_color_close(transform) }

    /// Whether there is a way back from sRGB.
    var hasInverse: Bool { dd_color_has_inverse(transform) != 0 }

    func toSRGB(_ colors: [Float], _ result: inout [Float]) { dd_color_to_srgb(transform, colors, &result, result.count / 3) }

    func fromSRGB(_ colors: [Float], _ result: inout [Float]) { dd_color_from_srgb(transform, colors, &result, colors.count / 3) }

    /// Whether the profile means what sRGB means: no colour moves by half a level of 255.
    lazy var isSRGB: Bool = {
        let steps = 9
        let levels = (0..<steps).map { Float($0) / Float(steps - 1) }
        var colors = channels == 1 ? levels : []
        if channels == 3 { for r in levels { for g in levels { for b in levels { colors += [r, g, b] } } } }
        var result = [Float](repeating: 0, count: colors.count / channels * 3)
        toSRGB(colors, &result)
        return result.indices.allSatisfy { abs(result[$0] - colors[channels == 3 ? $0 : $0 / 3]) < 0.5 / 255 }
    }()

    /// A row of ink as sRGB, within 0...1: by its profile, or where there is none each ink takes its part of the light away.
    static func print(_ inks: [Float], _ converter: ColorConverter?, _ put: (Int, Float) -> Void) {
        var colors = [Float](repeating: 0, count: inks.count / 4 * 3)
        if let converter {
            converter.toSRGB(inks, &colors)
        } else {
            for pixel in 0..<inks.count / 4 {
                for c in 0..<3 { colors[pixel * 3 + c] = (1 - inks[pixel * 4 + c]) * (1 - inks[pixel * 4 + 3]) }
            }
        }
        for index in colors.indices { put(index, limited(colors[index])) }
    }

    /// Within 0...1; what is no number becomes 0.
    @inline(__always)
    static func limited(_ value: Float) -> Float { value > 0 ? min(value, 1) : 0 }
}

/// A message of one of the C interfaces.
func text(ofC message: [CChar]) -> String { String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }

extension PhotoMetadata.ColorProfile {
    /// A profile of the primaries and the curve that ITU-T H.273 numbers, where it is one that photographs have; nil for sRGB's own and all others.
    init?(primaries: Int, transfer: Int) {
        let (colors, name): ([Double], String)
        switch primaries {
        case 1: (colors, name) = ([0.64, 0.33, 0.30, 0.60, 0.15, 0.06], "BT.709 primaries")
        case 9: (colors, name) = ([0.708, 0.292, 0.170, 0.797, 0.131, 0.046], "BT.2020")
        case 12: (colors, name) = ([0.680, 0.320, 0.265, 0.690, 0.150, 0.060], "Display P3")
        default: return nil
        }
        let gamma: Double
        switch transfer {
        // The curves of video are meant to be shown as sRGB's.
        case 1, 2, 6, 13, 14, 15: gamma = 0
        case 4: gamma = 2.2
        case 5: gamma = 2.8
        case 8: gamma = 1
        default: return nil
        }
        guard primaries != 1 || gamma != 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let size = dd_color_make_profile(colors, gamma, name, &bytes, bytes.count)
        guard size > 0 else { return nil }
        self.init(name: name, bytes: Array(bytes.prefix(size)))
    }

    /// What the profile calls itself.
    public var title: String {
        var message = [CChar](repeating: 0, count: Int(DD_COLOR_MESSAGE_SIZE))
        dd_color_describe(bytes, bytes.count, &message)
        return text(ofC: message)
    }
}
