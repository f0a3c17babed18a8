import Foundation

/// Peak signal-to-noise ratio in decibels: 10 log10(255² / mean squared difference), over all samples at once; infinite for equal images.
struct PSNR: Metric {
    let planes: ComparedPlanes
    var name: String { planes == .colors ? "psnr" : "psnr-y" }
    var title: String { planes == .colors ? "PSNR" : "PSNR-Y" }
    let decimals = 2

    init(of planes: ComparedPlanes) { self.planes = planes }

    func value(of image: MeasuredImage, against reference: MeasuredImage?) -> Double {
        var (sum, count) = (0.0, 0)
        for (plane, right) in zip(planes(image), planes(reference!)) {
            plane.values.withUnsafeBufferPointer { a in
                right.values.withUnsafeBufferPointer { b in
                    for index in 0..<a.count {
                        let difference = Double(a[index]) - Double(b[index])
                        sum += difference * difference
                    }
                    count += a.count
                }
            }
        }
        return 10 * log10(255 * 255 * Double(count) / sum)
    }
}
