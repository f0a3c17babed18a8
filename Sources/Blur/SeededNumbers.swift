/// Random numbers that are the same bits on every machine: SplitMix64, and nothing but exact arithmetic behind it.
///
/// The n-th number follows from the key and n alone, so it does not matter which thread asks for it.
public struct SeededNumbers: Sendable {
    private let key: UInt64
    private var count: UInt64 = 0

    /// - Parameters:
    ///   - seed: the user's.
    ///   - name: what the numbers are for; other names get other numbers.
    public init(seed: UInt64, name: String) {
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        key = SeededNumbers.mixed(hash ^ SeededNumbers.mixed(seed))
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var bits = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    /// The number with the given index.
    func bits(at index: UInt64) -> UInt64 { SeededNumbers.mixed(key &+ (index &+ 1) &* 0x9e37_79b9_7f4a_7c15) }

    /// In 0..<1, a multiple of 2^-53.
    private static func unit(_ bits: UInt64) -> Double { Double(bits >> 11) * 0x1p-53 }

    /// A number of normal distribution, deviation 1, with the given index. It takes the indices 2 n and 2 n + 1.
    ///
    /// It is the count of ones among 64 random bits, smoothed over a unit. That is normal but for a kurtosis of -0.03 and values beyond 8, and needs no logarithm, whose last bit
    /// differs between libraries.
    func normal(at index: UInt64) -> Double {
        let ones = Double(bits(at: 2 &* index).nonzeroBitCount) - 32.5 + SeededNumbers.unit(bits(at: 2 &* index &+ 1))
        // 1 / sqrt(16 + 1 / 12)
        return ones * 0.24935149047701466
    }

    private mutating func next() -> UInt64 {
        defer { count &+= 1 }
        return bits(at: count)
    }

    /// In 0..<1.
    public mutating func uniform() -> Double { SeededNumbers.unit(next()) }

    public mutating func uniform(in range: ClosedRange<Double>) -> Double { range.lowerBound + (range.upperBound - range.lowerBound) * uniform() }

    public mutating func uniform(in range: ClosedRange<Int>) -> Int { min(range.upperBound, range.lowerBound + Int(uniform() * Double(range.count))) }

    /// Evenly distributed in its logarithm.
    mutating func logarithmic(in range: ClosedRange<Double>) -> Double {
        range.lowerBound > 0 ? range.lowerBound * Portable.power(range.upperBound / range.lowerBound, uniform()) : uniform(in: range)
    }

    mutating func normal() -> Double {
        if !count.isMultiple(of: 2) { count &+= 1 }
        defer { count &+= 2 }
        return normal(at: count / 2)
    }

    /// A direction, evenly distributed, of length 1.
    mutating func direction() -> SIMD2<Double> {
        while true {
            let point = SIMD2(2 * uniform() - 1, 2 * uniform() - 1)
            let square = (point * point).sum()
            if square > 1e-6, square <= 1 { return point / square.squareRoot() }
        }
    }
}

/// Functions that libraries round differently, from additions, multiplications and divisions alone.
enum Portable {
    /// base ^ exponent, for a positive finite base, to about 1e-15.
    static func power(_ base: Double, _ exponent: Double) -> Double { base <= 0 ? 0 : exp2(log2(base) * exponent) }

    static func log2(_ value: Double) -> Double {
        var (mantissa, whole) = (value.significand, Double(value.exponent))
        if mantissa > 1.4142135623730951 {
            mantissa /= 2
            whole += 1
        }
        // ln m = 2 artanh((m - 1) / (m + 1))
        let part = (mantissa - 1) / (mantissa + 1)
        var sum = 0.0
        for odd in stride(from: 25.0, through: 1, by: -2) { sum = sum * part * part + 1 / odd }
        return whole + 2 * part * sum * 1.4426950408889634
    }

    static func exp2(_ value: Double) -> Double {
        guard value > -1000 else { return 0 }
        let whole = min(value.rounded(), 1000)
        let part = (value - whole) * 0.6931471805599453
        var sum = 1.0
        for order in stride(from: 16.0, through: 1, by: -1) { sum = 1 + sum * part / order }
        return Double(sign: .plus, exponent: Int(whole), significand: sum)
    }
}
