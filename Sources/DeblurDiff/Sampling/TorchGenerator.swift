import CKernels
import Foundation

/// PyTorch's random numbers on a CPU: the same seed gives what `torch.manual_seed(seed); torch.randn(n)` gives.
///
/// The engine is the Mersenne Twister mt19937 (Matsumoto and Nishimura, 1998). Sixteen numbers and more are the same bit for
/// bit as PyTorch's on a processor with AVX2, whatever runs this; PyTorch itself differs by about 1e-6 on others. Fewer go
/// through float64 and the system's `log1p`, `sin` and `cos`, and may differ in the last place.
public struct TorchGenerator: Sendable {
    private var engine: MersenneTwister
    /// The second value of the last pair that the path for few numbers made.
    private var spareNormal: Double?

    /// - Parameter seed: as for `torch.manual_seed`; the engine uses its low 32 bits.
    public init(seed: UInt64) {
        engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    }

    /// All that decides the numbers to come: the engine's 624 words and its position, whether there is a spare number, and that number's bits, low half first.
    public var words: [UInt32] {
        let spare = spareNormal?.bitPattern
        return engine.words + [spare == nil ? 0 : 1, UInt32(truncatingIfNeeded: spare ?? 0), UInt32(truncatingIfNeeded: (spare ?? 0) >> 32)]
    }

    /// A generator that goes on where another stood; nil for what are not the words of one.
    public init?(words: [UInt32]) {
        guard words.count == MersenneTwister.wordCount + 3, let engine = MersenneTwister(words: words.dropLast(3)) else { return nil }
        self.engine = engine
        let spare = words.suffix(3).map(UInt64.init)
        if spare[0] != 0 { spareNormal = Double(bitPattern: spare[1] | spare[2] << 32) }
    }

    /// `torch.randn(count)`: normal numbers of mean 0 and variance 1, in float32.
    public mutating func randn(_ count: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            fillNormal(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// The same as a tensor.
    mutating func randn(_ shape: Shape) -> Tensor {
        var result = Tensor(TensorType(.float32, shape))
        result.withMutableFloats { fillNormal($0) }
        return result
    }

    /// Leaves out as many numbers as ``randn(_:)`` draws.
    mutating func skip(_ count: Int) {
        guard count >= 16 else { return _ = randn(count) }
        for _ in 0..<(count.isMultiple(of: 16) ? count : count + 16) { _ = engine.next() }
    }

    /// Fills a buffer as `torch.randn` of its size does.
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

/// The generator mt19937: 32-bit integers with period 2^19937 - 1.
struct MersenneTwister: Sendable {
    private static let size = 624
    private static let shift = 397
    private var state: [UInt32]
    private var position = MersenneTwister.size

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(MersenneTwister.size)
        for index in 1..<MersenneTwister.size {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
        }
    }

    static let wordCount = size + 1

    /// The state and the position in it.
    var words: [UInt32] { state + [UInt32(position)] }

    init?(words: some Collection<UInt32>) {
        let words = Array(words)
        guard words.count == MersenneTwister.wordCount, words[MersenneTwister.size] <= MersenneTwister.size else { return nil }
        state = Array(words.dropLast())
        position = Int(words[MersenneTwister.size])
    }

    mutating func next() -> UInt32 {
        if position == MersenneTwister.size { twist() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9d2c_5680
        word ^= word << 15 & 0xefc6_0000
        return word ^ word >> 18
    }

    private mutating func twist() {
        for index in 0..<MersenneTwister.size {
            let following = state[(index + 1) % MersenneTwister.size]
            let mixed = state[index] & 0x8000_0000 | following & 0x7fff_ffff
            let far = state[(index + MersenneTwister.shift) % MersenneTwister.size]
            state[index] = far ^ mixed >> 1 ^ (following & 1 == 0 ? 0 : 0x9908_b0df)
        }
        position = 0
    }
}
