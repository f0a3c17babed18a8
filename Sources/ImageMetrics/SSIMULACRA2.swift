import Foundation

/// SSIMULACRA 2.1 after Jon Sneyers, as libjxl's tool computes it: at six scales SSIM, and edges that one image has and the other lacks, in three perceptual channels, each by two
/// norms; 108 numbers, weighted. 100 is equal, 90 not to be told apart, 30 low; bad images go below zero.
struct SSIMULACRA2: Metric {
    let name = "ssimulacra2"
    let title = "SSIMULACRA2"
    let decimals = 2
    /// The Gaussian of sigma 1.5 as libjxl approximates it by three cosines that end at the fifth sample; beyond the image is zero.
    private static let window = SlidingWindow(weights: [
        0.2646211054881985, 0.2129285920104222, 0.1093353727774603, 0.0360111146583644, 0.00941436780965374,
    ])

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        try require(image, side: 8)
        var (first, second) = (SSIMULACRA2.linear(reference!), SSIMULACRA2.linear(image))
        /// By channel, those of each scale.
        var norms: [[Double]] = [[], [], []]
        for scale in 0..<6 {
            // As in libjxl, the scale before must be large enough.
            guard min(first[0].width, first[0].height) >= 8 else { break }
            if scale > 0 { (first, second) = (first.map(\.halved), second.map(\.halved)) }
            let (original, distorted) = (SSIMULACRA2.perceptual(first), SSIMULACRA2.perceptual(second))
            for channel in 0..<3 { norms[channel] += SSIMULACRA2.norms(original[channel], distorted[channel]) }
        }
        // Where there are fewer scales, libjxl takes the first weights.
        let weighted = zip(norms.joined(), SSIMULACRA2.weights).reduce(0) { $0 + $1.0 * $1.1 }
        let sum = 0.9562382616834844 * weighted
        let score = 2.326765642916932 * sum - 0.020884521182843837 * sum * sum + 6.248496625763138e-05 * sum * sum * sum
        return score > 0 ? 100 - 10 * pow(score, 0.6276336467831387) : 100
    }

    /// Light, 0...1.
    private static func linear(_ image: MeasuredImage) -> [Plane] {
        func light(_ level: Float) -> Float {
            let value = Double(level) / 255
            return Float(value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4))
        }
        let table = (0...255).map { light(Float($0)) }
        return image.colors.map { plane in
            plane.mapped { $0 == $0.rounded() ? table[Int($0)] : light($0) }
        }
    }

    /// XYB, moved so that all are positive.
    private static func perceptual(_ light: [Plane]) -> [Plane] {
        let bias: Float = 0.0037930732552754493
        let root = cbrt(bias)
        func channel(_ red: Float, _ green: Float, _ blue: Float) -> [Float] {
            (0..<light[0].values.count).map {
                cbrt(max(0, red * light[0].values[$0] + green * light[1].values[$0] + blue * light[2].values[$0] + bias)) - root
            }
        }
        let long = channel(0.3, 0.622, 0.078)
        let medium = channel(0.23, 0.692, 0.078)
        let short = channel(0.24342268924547819, 0.20476744424496821, 0.5518098665095536)
        let (width, height) = (light[0].width, light[0].height)
        func plane(_ value: (Int) -> Float) -> Plane { Plane(width: width, height: height) { value($0 * width + $1) } }
        return [
            plane { (long[$0] - medium[$0]) / 2 * 14 + 0.42 }, plane { (long[$0] + medium[$0]) / 2 + 0.01 },
            plane { short[$0] - (long[$0] + medium[$0]) / 2 + 0.55 },
        ]
    }

    /// Of one channel at one scale: SSIM's loss, edges too many, edges lost; their means, then the fourth roots of the means of their fourth powers.
    private static func norms(_ original: Plane, _ distorted: Plane) -> [Double] {
        let (c2, margin) = (0.0009, window.radius)
        let (a, b) = (original.padded(by: margin, repeatingEdges: false), distorted.padded(by: margin, repeatingEdges: false))
        var (means, fourths) = (SIMD3<Double>(), SIMD3<Double>())
        original.values.withUnsafeBufferPointer { original in
            distorted.values.withUnsafeBufferPointer { distorted in
                window.slide(over: a, b) { row, window in
                    for x in 0..<window.count {
                        let (first, second) = (window.first[x], window.second[x])
                        let (squares, product) = (window.squares[x] - first * first - second * second, window.products[x] - first * second)
                        let loss = 1 - (1 - (first - second) * (first - second)) * (2 * product + c2) / (squares + c2)
                        let at = row * window.count + x
                        let edges = (1 + abs(Double(distorted[at]) - second)) / (1 + abs(Double(original[at]) - first)) - 1
                        let values = SIMD3(max(loss, 0), max(edges, 0), max(-edges, 0))
                        means += values
                        let squared = values * values
                        fourths += squared * squared
                    }
                }
            }
        }
        let count = Double(original.values.count)
        return [means.x, means.y, means.z].map { $0 / count } + [fourths.x, fourths.y, fourths.z].map { ($0 / count).squareRoot().squareRoot() }
    }

    /// By channel, scale, norm and kind of error.
    private static let weights: [Double] = [
        0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0, 0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
        0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0, 0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387,
        10.94906990605142, 0, 0.0007289346991508072, 0.9677937080626833, 0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
        0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0, 0, 0, 0, 7.466890328078848, 0, 17.445833984131262, 0.0006235601634041466, 0, 0,
        6.683678146179332, 0.00037724407979611296, 1.027889937768264, 225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361,
        0.001237755635509985, 176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408, 0, 0, 0, 34.77906344483772,
        44.835625328877896, 0, 0, 0, 0, 0, 0, 0, 0, 0.0008680556573291698, 0, 0, 0, 0, 0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0, 0, 0, 0,
        0.0004179171803251336, 0.0017290828234722833, 0, 0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0, 95.1080498811086,
        0.9863978034400682, 0.9834382792465353, 0.0012286405048278493, 171.2667255897307, 0.9807858872435379, 0, 0, 0, 0.0005130064588990679, 0,
        0.00010854057858411537,
    ]
}
