import Tensors

/// How an axis is covered by overlapping windows of at most `size` positions.
public struct WindowAxis: Hashable, Sendable {
    public let length: Int
    public let size: Int

    public init(length: Int, size: Int) {
        self.length = length
        self.size = min(size, length)
    }

    public var count: Int { length <= size ? 1 : (length + size - 1) / size }

    /// The first position of each window: a fixed step apart, the last one aligned to the end.
    public var starts: [Int] {
        guard count > 1 else { return [0] }
        let step = (length - size + count - 2) / (count - 1)
        return (0..<count).map { min($0 * step, length - size) }
    }
}
