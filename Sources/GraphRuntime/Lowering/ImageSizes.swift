import Tensors

extension TensorType {
    var imageSizes: (n: Int64, c: Int64, h: Int64, w: Int64) { (Int64(shape[0]), Int64(shape[1]), Int64(shape[2]), Int64(shape[3])) }
}
