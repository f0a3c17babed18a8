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
            let (next, far) = (state[(index + 1) % MersenneTwister.size], state[(index + MersenneTwister.shift) % MersenneTwister.size])
            state[index] = MersenneTwister.following(state[index], next, far)
        }
        position = 0
    }

    /// Goes on as if `count` numbers had been drawn, in at most a tenth of a second.
    ///
    /// A draw is linear in the state's bits: many of them are a polynomial of one (Haramoto et al., *Efficient Jump Ahead for F2-Linear Random Number Generators*, 2008).
    mutating func skip(_ count: UInt64) {
        let here = min(count, UInt64(MersenneTwister.size - position))
        position += Int(here)
        guard count > here else { return }
        let powers = MersenneTwisterPolynomial.power(count - here)
        let size = MersenneTwister.size
        var sum = [UInt32](repeating: 0, count: size)
        // Horner's scheme: one draw more for the sum, and the state for each power that is there. The sum's first word moves on.
        var first = 0
        state.withUnsafeBufferPointer { state in
            sum.withUnsafeMutableBufferPointer { sum in
                for index in stride(from: MersenneTwisterPolynomial.degree - 1, through: 0, by: -1) {
                    sum[first] = MersenneTwister.following(sum[first], sum[(first + 1) % size], sum[(first + MersenneTwister.shift) % size])
                    first = (first + 1) % size
                    guard powers[index / 64] >> UInt64(index % 64) & 1 == 1 else { continue }
                    let rest = size - first
                    for word in 0..<rest { sum[first + word] ^= state[word] }
                    for word in 0..<first { sum[word] ^= state[rest + word] }
                }
            }
        }
        state = Array(sum[first...] + sum[..<first])
    }

    private static func following(_ word: UInt32, _ next: UInt32, _ far: UInt32) -> UInt32 {
        far ^ (word & 0x8000_0000 | next & 0x7fff_ffff) >> 1 ^ (next & 1 == 0 ? 0 : 0x9908_b0df)
    }
}

/// Polynomials over the field of two elements, modulo the characteristic polynomial of mt19937's draw; 64 coefficients a word, the lowest first.
enum MersenneTwisterPolynomial {
    static let degree = 19937
    private static let wordCount = degree / 64 + 1

    /// `t^exponent`.
    static func power(_ exponent: UInt64) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: wordCount)
        result[0] = 1
        for bit in stride(from: 63 - exponent.leadingZeroBitCount, through: 0, by: -1) {
            var square = [UInt64](repeating: 0, count: 2 * wordCount)
            for (place, word) in result.enumerated() { (square[2 * place], square[2 * place + 1]) = (spread(word & 0xffff_ffff), spread(word >> 32)) }
            if exponent >> UInt64(bit) & 1 == 1 {
                for place in square.indices.reversed() { square[place] = square[place] << 1 | (place > 0 ? square[place - 1] >> 63 : 0) }
            }
            result = reduced(square)
        }
        return result
    }

    /// A zero in front of each of the low 32 bits: the square of their polynomial.
    private static func spread(_ word: UInt64) -> UInt64 {
        var word = word
        for (shift, mask): (UInt64, UInt64) in [
            (16, 0x0000_ffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, 0x0f0f_0f0f_0f0f_0f0f), (2, 0x3333_3333_3333_3333), (1, 0x5555_5555_5555_5555),
        ] { word = (word | word << shift) & mask }
        return word
    }

    private static func reduced(_ polynomial: [UInt64]) -> [UInt64] {
        var rest = polynomial
        rest.withUnsafeMutableBufferPointer { rest in
            for index in stride(from: 64 * rest.count - 1, through: degree, by: -1) where rest[index / 64] >> UInt64(index % 64) & 1 == 1 {
                let (place, shift) = ((index - degree) / 64, (index - degree) % 64)
                shifted[shift].withUnsafeBufferPointer { divisor in
                    for word in 0..<min(divisor.count, rest.count - place) { rest[place + word] ^= divisor[word] }
                }
            }
        }
        return Array(rest[..<wordCount])
    }

    /// The characteristic polynomial times `t` to the power of 0 to 63.
    private static let shifted: [[UInt64]] = (0..<64).map { shift in
        var words = [UInt64](repeating: 0, count: wordCount + 1)
        for term in terms { words[(term + shift) / 64] ^= 1 << UInt64((term + shift) % 64) }
        return words
    }

    /// Its powers, by Matsumoto and Nishimura, 1998, appendix A: with n = 624, m = 397, r = 31 and the bits a of the twist,
    /// `(t^n + t^m) ((t^(n-1) + t^(m-1))^r + sum over i < r of a_i (t^(n-1) + t^(m-1))^(r-1-i)) + a_31`.
    private static let terms: Set<Int> = {
        var result: Set<Int> = [0]
        func toggle(_ power: Int) { if result.remove(power) == nil { result.insert(power) } }
        for power in 0...31 where power == 31 || 0x9908_b0df as UInt32 >> UInt32(30 - power) & 1 == 1 {
            // Of a binomial's coefficients those are odd whose index has no bit that the power lacks.
            for index in 0...power where index & ~power == 0 {
                let term = 623 * index + 396 * (power - index)
                toggle(term + 624)
                toggle(term + 397)
            }
        }
        return result
    }()
}
