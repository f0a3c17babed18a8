import Tensors

extension Tensor {
    /// The part of [1, C, H, W] within a window.
    func cut(_ window: TileWindows.Window) -> Tensor {
        withFloats { image in
            Tensor(TensorType(.float32, [1, shape[1], window.height, window.width])) { part in
                for (row, start) in window.rows(of: shape).enumerated() {
                    (part.baseAddress! + row * window.width).update(from: image.baseAddress! + start, count: window.width)
                }
            }
        }
    }

    /// Overwrites that part of an image.
    func paste(into image: inout Tensor, at window: TileWindows.Window) {
        let rows = window.rows(of: image.shape)
        withFloats { part in
            image.withMutableFloats { image in
                for (row, start) in rows.enumerated() {
                    (image.baseAddress! + start).update(from: part.baseAddress! + row * window.width, count: window.width)
                }
            }
        }
    }
}

extension TileWindows.Window {
    /// Where the window's rows begin in an image [1, C, H, W], channel by channel.
    fileprivate func rows(of shape: Shape) -> [Int] {
        (0..<shape[1] * height).map { (($0 / height) * shape[2] + y + $0 % height) * shape[3] + x }
    }
}
