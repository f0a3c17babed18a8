import CKernels
import Foundation
import Tensors

/// PyTorch's random numbers on a CPU: the same seed gives what `torch.manual_seed(seed); torch.randn(n)` gives.
///
/// The engine is the Mersenne Twister mt19937 (Matsumoto and Nishimura, 1998). Sixteen numbers and more are the same bit for
/// bit as PyTorch's on a processor with AVX2, whatever runs this; PyTorch itself differs by about 1e-6 on others. Fewer go
/// through float64 and the system's `log1p`, `sin` and `cos`, and may differ in the last place.
public struct TorchGenerator: Sendable {
    private var engine: MersenneTwister
    /// The second value of the last pair that the path for few numbers made.
    private var spareNormal: Double?
    /// A GPU's generator beside it, as the released program has one where it runs on a GPU; ``randn(_:)`` then draws from that.
    var device: CUDAGenerator?

    /// - Parameter seed: as for `torch.manual_seed`; the engine uses its low 32 bits.
    public init(seed: UInt64) {
        engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    }

    /// All that decides the numbers to come: the engine's 624 words and its position, whether there is a spare number, and that number's bits; where there is a device, its seed,
    /// offset and threads. Low halves first.
    public var words: [UInt32] {
        func halves(_ word: UInt64) -> [UInt32] { [UInt32(truncatingIfNeeded: word), UInt32(word >> 32)] }
        let spare = spareNormal?.bitPattern
        let others = device.map { [$0.seed, $0.offset, UInt64($0.threads)].flatMap(halves) } ?? []
        return engine.words + [spare == nil ? 0 : 1] + halves(spare ?? 0) + others
    }

    /// A generator that goes on where another stood; nil for what are not the words of one.
    public init?(words: [UInt32]) {
        guard [3, 9].contains(words.count - MersenneTwister.wordCount), let engine = MersenneTwister(words: words.prefix(MersenneTwister.wordCount)) else {
            return nil
        }
        self.engine = engine
        let others = words.dropFirst(MersenneTwister.wordCount).map(UInt64.init)
        if others[0] != 0 { spareNormal = Double(bitPattern: others[1] | others[2] << 32) }
        guard others.count > 3 else { return }
        let threads = others[7] | others[8] << 32
        guard (1...1 << 32).contains(threads) else { return nil }
        device = CUDAGenerator(seed: others[3] | others[4] << 32, offset: others[5] | others[6] << 32, threads: Int(threads))
    }

    /// Goes on as if the CPU's generator had been drawn from so many times.
    mutating func skip(_ count: UInt64) { engine.skip(count) }

    /// `torch.randn(count)`: normal numbers of mean 0 and variance 1, in float32; the device's, if there is one.
    public mutating func randn(_ count: Int) -> [Float] { device?.randn(count) ?? hostRandn(count) }

    /// Normal numbers of the CPU's generator.
    mutating func hostRandn(_ count: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            fillNormal(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// The same as a tensor.
    mutating func randn(_ shape: Shape) -> Tensor { device == nil ? hostRandn(shape) : Tensor(randn(shape.elementCount), shape: shape) }

    mutating func hostRandn(_ shape: Shape) -> Tensor {
        var result = Tensor(TensorType(.float32, shape))
        result.withMutableFloats { fillNormal($0) }
        return result
    }

    /// Leaves out as many numbers as ``hostRandn(_:)`` draws.
    mutating func skipNormals(_ count: Int) {
        guard count >= 16 else { return _ = hostRandn(count) }
        for _ in 0..<(count.isMultiple(of: 16) ? count : count + 16) { _ = engine.next() }
    }

    /// Fills a buffer as `torch.randn` of its size does on a CPU.
    public mutating func fillNormal(_ buffer: UnsafeMutableBufferPointer<Float>) {
        guard buffer.count >= 16 else {
            for index in 0..<buffer.count { buffer[index] = Float(nextNormal()) }
            return
        }
        for index in 0..<buffer.count { buffer[index] = nextUniform() }
        dd_normals_f32(buffer.baseAddress!, Int64(buffer.count / 16))
        if !buffer.count.isMultiple(of: 16) {
            // The incomplete block's place is taken by a whole one, drawn anew, that ends where the buffer ends.
            let last = UnsafeMutableBufferPointer(rebasing: buffer.suffix(16))
            for index in last.indices { last[index] = nextUniform() }
            dd_normals_f32(last.baseAddress!, 1)
        }
    }

    /// 24 bits, in [0, 1).
    private mutating func nextUniform() -> Float { Float(engine.next() & 0xff_ffff) * 0x1p-24 }

    /// 53 bits, in [0, 1).
    private mutating func nextUniformDouble() -> Double {
        let high = UInt64(engine.next())
        let bits = high << 32 | UInt64(engine.next())
        return Double(bits & (1 << 53 - 1)) * 0x1p-53
    }

    /// PyTorch makes fewer than 16 numbers one by one in float64, and keeps the second of each pair, also between calls.
    private mutating func nextNormal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let angle = 2 * Double.pi * nextUniformDouble()
        let radius = (-2 * log1p(-nextUniformDouble())).squareRoot()
        spareNormal = radius * sin(angle)
        return radius * cos(angle)
    }
}
