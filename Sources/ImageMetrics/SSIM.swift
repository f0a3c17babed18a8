import Foundation

/// Structural similarity after Wang, Bovik, Sheikh and Simoncelli (2004): a Gaussian window of 11 x 11, sigma 1.5, where it lies inside the image; K1 0.01, K2 0.03, levels 0...255.
/// Of colours it is the mean of red's, green's and blue's.
struct SSIM: Metric {
    let planes: ComparedPlanes
    var name: String { planes == .colors ? "ssim" : "ssim-y" }
    var title: String { planes == .colors ? "SSIM" : "SSIM-Y" }
    let decimals = 4

    init(of planes: ComparedPlanes) { self.planes = planes }

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        try require(image, side: 11)
        let values = zip(planes(image), planes(reference!)).map { Similarity($0, $1).ssim }
        return values.reduce(0, +) / Double(values.count)
    }
}

/// The means over an image of SSIM, and of its factor for contrast and structure.
struct Similarity {
    private(set) var ssim = 0.0
    private(set) var contrast = 0.0
    private static let window = SlidingWindow(sigma: 1.5, radius: 5)

    init(_ first: Plane, _ second: Plane) {
        let (c1, c2) = (0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255)
        var count = 0
        Similarity.window.slide(over: first, second) { _, means in
            var (whole, part) = (0.0, 0.0)
            for x in 0..<means.count {
                let product = means.first[x] * means.second[x]
                let squares = means.first[x] * means.first[x] + means.second[x] * means.second[x]
                let similarity = (2 * (means.products[x] - product) + c2) / (means.squares[x] - squares + c2)
                part += similarity
                whole += similarity * (2 * product + c1) / (squares + c1)
            }
            ssim += whole
            contrast += part
            count += means.count
        }
        ssim /= Double(count)
        contrast /= Double(count)
    }
}

/// Multi-scale SSIM after Wang, Simoncelli and Bovik (2003), on Y: contrast and structure at five scales, each half as large as the one before, SSIM at the last, to the powers that
/// the paper gives. A mean below zero counts as zero.
struct MultiScaleSSIM: Metric {
    let name = "ms-ssim"
    let title = "MS-SSIM"
    let decimals = 4
    private static let powers = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        try require(image, side: 11 << (MultiScaleSSIM.powers.count - 1))
        var (first, second) = (image.luma, reference!.luma)
        var result = 1.0
        for (scale, power) in MultiScaleSSIM.powers.enumerated() {
            let similarity = Similarity(first, second)
            let isLast = scale == MultiScaleSSIM.powers.count - 1
            result *= pow(max(isLast ? similarity.ssim : similarity.contrast, 0), power)
            if !isLast { (first, second) = (first.halved, second.halved) }
        }
        return result
    }
}
