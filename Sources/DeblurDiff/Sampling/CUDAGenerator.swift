import Foundation

/// PyTorch's normal numbers on a CUDA device: what `torch.randn(n, device="cuda")` gives after `torch.cuda.manual_seed(seed)`, to the last places of its sine and logarithm.
///
/// The generator is Philox4x32-10 (Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, 2011), of which each thread of the device draws its own numbers. Where there are more
/// numbers than threads, which number is whose depends on how many threads the device runs at once.
struct CUDAGenerator: Hashable, Sendable {
    let seed: UInt64
    /// How many numbers each thread has drawn; a multiple of 4.
    private(set) var offset: UInt64
    /// The most that the device runs at once.
    let threads: Int

    init(seed: UInt64, offset: UInt64 = 0, threads: Int) { (self.seed, self.offset, self.threads) = (seed, offset, threads) }

    mutating func randn(_ count: Int) -> [Float] {
        var result = [Float](repeating: 0, count: count)
        guard count > 0 else { return result }
        let running = min(threads, (count + 255) / 256 * 256)
        let rounds = (count - 1) / (4 * running) + 1
        for round in 0..<rounds {
            for thread in 0..<running where 4 * running * round + thread < count {
                for (index, value) in normals(round: offset / 4 + UInt64(round), thread: UInt64(thread)).enumerated() {
                    let place = thread + running * (4 * round + index)
                    if place < count { result[place] = value }
                }
            }
        }
        offset += 4 * UInt64(rounds)
        return result
    }

    /// Four numbers, by Box and Muller: sine first.
    private func normals(round: UInt64, thread: UInt64) -> [Float] {
        let words = CUDAGenerator.philox(
            SIMD4(UInt32(truncatingIfNeeded: round), UInt32(round >> 32), UInt32(truncatingIfNeeded: thread), UInt32(thread >> 32)), key: seed)
        func pair(_ first: UInt32, _ second: UInt32) -> [Float] {
            let (unit, turn) = (Float(0x1p-32), Float(0x1p-32) * Float(6.2831855))
            let (u, v) = ((unit / 2).addingProduct(Float(first), unit), (turn / 2).addingProduct(Float(second), turn))
            let radius = (-2 * log(u)).squareRoot()
            return [radius * sin(v), radius * cos(v)]
        }
        return pair(words.x, words.y) + pair(words.z, words.w)
    }

    /// Ten rounds.
    static func philox(_ counter: SIMD4<UInt32>, key: UInt64) -> SIMD4<UInt32> {
        var (words, low, high) = (counter, UInt32(truncatingIfNeeded: key), UInt32(key >> 32))
        for _ in 0..<10 {
            let (a, b) = (0xd251_1f53 * UInt64(words.x), 0xcd9e_8d57 * UInt64(words.z))
            words = SIMD4(UInt32(b >> 32) ^ words.y ^ low, UInt32(truncatingIfNeeded: b), UInt32(a >> 32) ^ words.w ^ high, UInt32(truncatingIfNeeded: a))
            (low, high) = (low &+ 0x9e37_79b9, high &+ 0xbb67_ae85)
        }
        return words
    }
}
