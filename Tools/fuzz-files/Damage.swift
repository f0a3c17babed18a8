import Files
import GraphTestSupport
import Tensors

/// Ways in which files are damaged.
enum Damage {
    static func damaged(_ whole: [UInt8], others: [[UInt8]], isPNG: Bool, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = whole
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty { damage(&bytes, others, &generator) }
        // With right checksums damage gets further in.
        return isPNG && Int.random(in: 0..<4, using: &generator) > 0 ? withChecksums(bytes) : bytes
    }

    private static func damage(_ bytes: inout [UInt8], _ others: [[UInt8]], _ generator: inout SeededGenerator) {
        // Structure is mostly at the start or the end.
        let place =
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: Int.random(in: 0..<min(bytes.count, 512), using: &generator)
            case 1: Int.random(in: max(0, bytes.count - 512)..<bytes.count, using: &generator)
            default: Int.random(in: 0..<bytes.count, using: &generator)
            }
        let length = min(1 << Int.random(in: 0...8, using: &generator), bytes.count - place)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2:
            let value = [0, 1, -1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, Int.max, Int.min, 1 << 40].randomElement(using: &generator)!
            let isBig = Bool.random(using: &generator)
            for index in 0..<min([1, 2, 4, 8].randomElement(using: &generator)!, bytes.count - place) {
                bytes[place + index] = UInt8(truncatingIfNeeded: (isBig ? value.byteSwapped : value) >> (8 * index))
            }
        case 3: bytes.removeSubrange(place..<place + length)
        case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: Int.random(in: 0...bytes.count, using: &generator))
        case 5: bytes.removeSubrange(place...)
        case 6:
            let other = others.randomElement(using: &generator)!
            guard !other.isEmpty else { return }
            let start = Int.random(in: 0..<other.count, using: &generator)
            bytes.insert(contentsOf: other[start..<min(start + length, other.count)], at: place)
        default:
            // Another digit, for sizes in text.
            guard let digit = bytes[place...].firstIndex(where: { (48...57).contains($0) }) else { return }
            bytes[digit] = UInt8.random(in: 45...57, using: &generator)
        }
    }

    /// Makes the checksums of a PNG file's chunks right, as far as its chunks can be told.
    private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - position - 12 else { break }
            let end = position + 8 + length
            let sum = CRC32.checksum(of: bytes[position + 4..<end])
            for index in 0..<4 { bytes[end + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32(index))) }
            position = end + 4
        }
        return bytes
    }
}
