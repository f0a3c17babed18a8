import Files

/// A number that says how good an image is, by itself or beside a reference. A new one is a file and a line in ``StandardMetrics/all``.
public protocol Metric: Sendable {
    /// As it is asked for: "ms-ssim".
    var name: String { get }
    /// What tells its values from those of others that are kept; the name, but for a model.
    var identity: String { get }
    /// As tables have it: "MS-SSIM".
    var title: String { get }
    var needsReference: Bool { get }
    var higherIsBetter: Bool { get }
    /// Digits behind the point in tables.
    var decimals: Int { get }

    /// - Parameter reference: of the same size; not nil where one is needed.
    /// - Throws: an `InputError` that says why the metric is not defined for the image, such as that it is too small.
    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double
}

extension Metric {
    public var identity: String { name }
    public var needsReference: Bool { true }
    public var higherIsBetter: Bool { true }

    func require(_ image: MeasuredImage, side: Int) throws {
        guard min(image.width, image.height) >= side else {
            throw InputError("\(title) is not defined below \(side) x \(side) pixels, and the image has \(image.width) x \(image.height)")
        }
    }
}

/// The metrics that need no model.
public enum StandardMetrics {
    public static let all: [any Metric] = [
        PSNR(of: .colors), PSNR(of: .luma), SSIM(of: .colors), SSIM(of: .luma), MultiScaleSSIM(), SSIMULACRA2(), NIQE(), Sharpness(),
    ]
}
