/// What a camera's samples are of the light: light adds up, samples do not.
public enum CameraResponse: Hashable, Sendable {
    case sRGB
    /// Samples are light ^ (1 / gamma). 1 takes samples for light.
    case gamma(Double)

    /// Both are in 0...1.
    public func light(ofSample sample: Double) -> Double {
        switch self {
        case .sRGB: sample <= 0.04045 ? sample / 12.92 : Portable.power((sample + 0.055) / 1.055, 2.4)
        case .gamma(let gamma): gamma == 1 ? sample : Portable.power(sample, gamma)
        }
    }

    public func sample(ofLight light: Double) -> Double {
        switch self {
        case .sRGB: light <= 0.0031308 ? light * 12.92 : 1.055 * Portable.power(light, 1 / 2.4) - 0.055
        case .gamma(let gamma): gamma == 1 ? light : Portable.power(light, 1 / gamma)
        }
    }

    /// The light of each sample 0...largest.
    func lights(largest: Int) -> [Float] { (0...largest).map { Float(light(ofSample: Double($0) / Double(largest))) } }
}

/// Samples of light, from a table over the light's root, which is nearly straight; exact to 1e-6 of the scale.
struct SampleTable {
    private static let steps = 16384
    private let values: [Float]

    init(_ response: CameraResponse) {
        values = (0...SampleTable.steps + 1).map { step in
            let root = Double(step) / Double(SampleTable.steps)
            return Float(min(1, response.sample(ofLight: root * root)))
        }
    }

    /// In 0...1, of any light.
    func sample(ofLight light: Float) -> Float {
        let place = min(max(light, 0), 1).squareRoot() * Float(SampleTable.steps)
        let step = Int(place)
        return values[step] + (values[step + 1] - values[step]) * (place - Float(step))
    }
}
