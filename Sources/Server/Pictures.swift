import Files
import Images
import Tensors

extension Photo {
    /// As large as it is, or smaller with no side longer than a limit: each pixel is the mean of those that it covers. Opacity is left out: colours stay as they are stored.
    func shrunk(to longest: Int) -> Photo {
        let scale = min(1, Double(longest) / Double(max(width, height)))
        let (newWidth, newHeight) = (max(1, Int((Double(width) * scale).rounded())), max(1, Int((Double(height) * scale).rounded())))
        let source = pixels
        let (width, height) = (width, height)
        let result = [UInt8](unsafeUninitializedCapacity: newWidth * newHeight * 3) { target, initialized in
            source.withUnsafeBufferPointer { source in
                for row in 0..<newHeight {
                    let top = row * height / newHeight
                    let bottom = max(top + 1, (row + 1) * height / newHeight)
                    for column in 0..<newWidth {
                        let left = column * width / newWidth
                        let right = max(left + 1, (column + 1) * width / newWidth)
                        var (red, green, blue) = (0, 0, 0)
                        for y in top..<bottom {
                            for at in y * width + left..<y * width + right {
                                red += Int(source[at * 3])
                                green += Int(source[at * 3 + 1])
                                blue += Int(source[at * 3 + 2])
                            }
                        }
                        let (count, at) = ((bottom - top) * (right - left), (row * newWidth + column) * 3)
                        target[at] = UInt8((red + count / 2) / count)
                        target[at + 1] = UInt8((green + count / 2) / count)
                        target[at + 2] = UInt8((blue + count / 2) / count)
                    }
                }
            }
            initialized = newWidth * newHeight * 3
        }
        return Photo(width: newWidth, height: newHeight, pixels: result, isGray: isGray, metadata: metadata)
    }

    /// A JPEG file that every browser shows alike: upright, sRGB, without metadata.
    func forBrowsers(longest: Int, quality: Int = 88) throws -> [UInt8] {
        let small = shrunk(to: longest)
        let plain = Photo(width: small.width, height: small.height, pixels: [UInt8](repeating: 0, count: 3 * small.width * small.height))
        // Through planes, which are sRGB whatever the profile is.
        let shown = small.metadata.colorProfile == nil ? small.withMetadata(PhotoMetadata()) : plain.restored(small.planes())
        var options = WritingOptions()
        options.quality = quality
        return try shown.encoded(as: JPEGCodec(), options: options)
    }
}

extension ImageCodec {
    var mediaType: String { "image/\(name.lowercased())" }
}
