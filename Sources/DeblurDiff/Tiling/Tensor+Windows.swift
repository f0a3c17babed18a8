import Tensors

extension Tensor {
    /// The part of [1, C, H, W] within a window.
    func cut(_ window: TileWindows.Window) -> Tensor {
        let result = Tensor(TensorType(.float32, [1, shape[1], window.height, window.width]))
        for row in 0..<shape[1] * window.height {
            let (channel, y) = (row / window.height, row % window.height)
            let source = floats.baseAddress! + (channel * shape[2] + window.y + y) * shape[3] + window.x
            (result.floats.baseAddress! + row * window.width).update(from: source, count: window.width)
        }
        withExtendedLifetime((self, result)) {}
        return result
    }

    /// Overwrites that part of an image.
    func paste(into image: Tensor, at window: TileWindows.Window) {
        for row in 0..<image.shape[1] * window.height {
            let (channel, y) = (row / window.height, row % window.height)
            let target = image.floats.baseAddress! + (channel * image.shape[2] + window.y + y) * image.shape[3] + window.x
            target.update(from: floats.baseAddress! + row * window.width, count: window.width)
        }
        withExtendedLifetime((self, image)) {}
    }
}
