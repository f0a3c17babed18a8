/// SplitMix64: a small generator with a seed, the same numbers everywhere.
public struct SeededGenerator: RandomNumberGenerator {
    public var state: UInt64

    public init(state: UInt64) { self.state = state }

    @inlinable
    public mutating func next() -> UInt64 {
        defer { state &+= SeededGenerator.step }
        return SeededGenerator.number(at: 0, from: state)
    }

    /// What the generator gives after so many others.
    @inlinable
    public static func number(at index: UInt64, from state: UInt64) -> UInt64 { mixed(state &+ (index &+ 1) &* step) }

    /// Other bits, of which each depends on all of the value's; a different number for each value.
    @inlinable
    public static func mixed(_ value: UInt64) -> UInt64 {
        var bits = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    public static let step: UInt64 = 0x9e37_79b9_7f4a_7c15
}
