import Files
import Foundation
import TensorFiles
import Tensors

/// Pseudo-random weights whose values depend on the tensor's name, the seed and the flat index alone, so that every language can make the same ones.
///
///     base = ((crc32(name) << 32) + seed * 0x9E3779B97F4A7C15) mod 2^64
///     h(n) = splitmix64's finaliser of (base + (n + 1) * 0x9E3779B97F4A7C15) mod 2^64
///     u(n) = (h(n) >> 11) * 2^-53
///     g(i) = (u(4i) + u(4i+1) + u(4i+2) + u(4i+3) - 2) * sqrt(3), mean 0 and variance 1, summed left to right
///
/// Rank 2 and more: `g * (1 / sqrt(product of all dimensions but the first))`; a vector whose name ends in "weight": `1 + 0.1 g`; other vectors:
/// `0.05 g`; scalars: 2.6592. All in float64, rounded to float32 at the end.
public func seededTensor(key: String, shape: Shape, seed: UInt64) -> Tensor {
    guard shape.rank > 0 else { return Tensor([2.6592], shape: shape) }
    let base = UInt64(CRC32.checksum(of: key.utf8)) << 32 &+ seed &* SeededGenerator.step
    @inline(__always)
    func uniform(_ n: UInt64) -> Double { Double(SeededGenerator.number(at: n, from: base) >> 11) * 0x1p-53 }
    let root3 = 3.0.squareRoot()
    let fanIn = shape.dimensions.dropFirst().reduce(1, *)
    let (offset, factor): (Double, Double) =
        shape.rank >= 2 ? (0, 1 / Double(fanIn).squareRoot()) : key.hasSuffix("weight") ? (1, 0.1) : (0, 0.05)
    return Tensor(TensorType(.float32, shape)) { (values: UnsafeMutableBufferPointer<Float>) in
        for index in 0..<values.count {
            let n = 4 &* UInt64(index)
            let gaussian = (uniform(n) + uniform(n &+ 1) + uniform(n &+ 2) + uniform(n &+ 3) - 2) * root3
            values[index] = Float(offset + factor * gaussian)
        }
    }
}

/// Writes such weights as a safetensors file.
public func writeSeededCheckpoint(keys: [(key: String, shape: Shape)], seed: UInt64, to path: String) throws {
    let writer = try SafetensorsWriter(path: path, entries: keys.map { (name: $0.key, type: TensorType(.float32, $0.shape)) })
    for (key, shape) in keys {
        let tensor = seededTensor(key: key, shape: shape, seed: seed)
        try tensor.withBytes(writer.write)
    }
    try writer.finish()
}

/// Reads a JSON list of `[name, shape]`.
public func readCheckpointKeys(_ path: String) throws -> [(key: String, shape: Shape)] {
    struct Entry: Decodable {
        var key: String
        var shape: [Int]

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            key = try list.decode(String.self)
            shape = try list.decode([Int].self)
        }
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    return try JSONDecoder().decode([Entry].self, from: data).map { ($0.key, Shape($0.shape)) }
}
