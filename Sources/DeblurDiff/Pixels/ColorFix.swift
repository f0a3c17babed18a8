import Tensors

/// Gives the restored image the input's colours. By statistics: each channel gets the mean and the deviation that the input's channel has
/// (adaptive instance normalisation, as in StableSR; Wang et al., 2023).
public enum ColorFix {
    /// Added to variances, so that flat channels divide by something.
    static let epsilon: Float = 1e-5

    /// A channel's mean, and the square root of its variance (with n - 1) plus epsilon. The sums are float64.
    struct Statistics: Hashable {
        var mean: Float
        var deviation: Float

        init(_ values: UnsafeBufferPointer<Float>) {
            let count = Double(values.count)
            let mean = ColorFix.sum(values) { Double($0) } / count
            let squares = ColorFix.sum(values) { (Double($0) - mean) * (Double($0) - mean) }
            self.mean = Float(mean)
            // A single pixel has no deviation from its mean.
            deviation = (Float(squares / max(count - 1, 1)) + epsilon).squareRoot()
        }
    }

    /// In place, as a model asks for it.
    ///
    /// - Parameters:
    ///   - image: [1, 3, H, W].
    ///   - reference: of the same size; [0, 1].
    public static func correct(_ image: inout Tensor, _ correction: ColorCorrection, matching reference: Tensor) {
        switch correction {
        case .none: break
        case .statistics: apply(to: &image, matching: reference)
        case .wavelet: replaceLowFrequencies(of: &image, byThoseOf: reference)
        }
    }

    /// `x - low(x) + low(r)`, in place, with ``LowFrequencies``.
    static func replaceLowFrequencies(of image: inout Tensor, byThoseOf reference: Tensor) {
        precondition(image.shape == reference.shape, "another size than the reference")
        LowFrequencies.of(image).withFloats { own in
            LowFrequencies.of(reference).withFloats { wanted in
                image.withMutableFloats { for index in $0.indices { $0[index] = $0[index] - own[index] + wanted[index] } }
            }
        }
    }

    /// `(x - mean_x) / std_x * std_r + mean_r` for each channel, in place.
    ///
    /// - Parameters:
    ///   - image: [1, C, H, W] or [C, H, W].
    ///   - reference: as many channels, of any size; [0, 1].
    public static func apply(to image: inout Tensor, matching reference: Tensor) {
        let (planes, others) = (ImagePlanes(image.type), ImagePlanes(reference.type))
        precondition(planes.channels == others.channels, "other channels than the reference")
        for channel in 0..<planes.channels {
            let range = channel * planes.pixelCount..<(channel + 1) * planes.pixelCount
            let otherRange = channel * others.pixelCount..<(channel + 1) * others.pixelCount
            let wanted = reference.withFloats { Statistics(UnsafeBufferPointer(rebasing: $0[otherRange])) }
            image.withMutableFloats { floats in
                let own = Statistics(UnsafeBufferPointer(rebasing: floats[range]))
                for index in range {
                    floats[index] = (floats[index] - own.mean) / own.deviation * wanted.deviation + wanted.mean
                }
            }
        }
    }

    /// Planes [1, 3, H, W] to interleaved 8-bit samples: times 255, limited to 0...255, the fraction cut off. NaN becomes 0.
    public static func truncate(_ image: Tensor) -> [UInt8] {
        let planes = ImagePlanes(image.type)
        return image.withFloats { floats in
            [UInt8](unsafeUninitializedCapacity: floats.count) { samples, initialized in
                for channel in 0..<planes.channels {
                    let plane = channel * planes.pixelCount
                    for pixel in 0..<planes.pixelCount {
                        let scaled = floats[plane + pixel] * 255
                        // Written so that a NaN fails the first test.
                        samples[pixel * planes.channels + channel] = scaled > 0 ? UInt8(min(scaled, 255)) : 0
                    }
                }
                initialized = floats.count
            }
        }
    }

    /// Four sums side by side, always split the same way, so that the result is always the same.
    @inline(__always)
    private static func sum(_ values: UnsafeBufferPointer<Float>, _ term: (Float) -> Double) -> Double {
        var sums = SIMD4<Double>(repeating: 0)
        let whole = values.count & ~3
        for index in stride(from: 0, to: whole, by: 4) {
            sums += SIMD4(term(values[index]), term(values[index + 1]), term(values[index + 2]), term(values[index + 3]))
        }
        return values[whole...].reduce(sums.sum()) { $0 + term($1) }
    }
}
