import Tensors

/// Indices in memory, i32 or i64. They come from outside: what they point at may not be there.
struct IndexReader {
    private let memory: UnsafeRawPointer
    private let isWide: Bool

    init(_ memory: UnsafeRawPointer, _ type: ElementType) {
        self.memory = memory
        isWide = type == .int64
    }

    @inline(__always)
    private subscript(_ position: Int) -> Int {
        isWide
            ? Int(memory.assumingMemoryBound(to: Int64.self)[position]) : Int(memory.assumingMemoryBound(to: Int32.self)[position])
    }

    /// The index, counted from the end if negative, or nil where it is outside.
    @inline(__always)
    func index(_ position: Int, of size: Int) -> Int? {
        let value = self[position]
        let index = value < 0 ? value + size : value
        return index >= 0 && index < size ? index : nil
    }

    /// The index, counted from the end if negative; outside, the nearest one inside.
    @inline(__always)
    func clampedIndex(_ position: Int, of size: Int) -> Int {
        let value = self[position]
        return max(0, min(size - 1, value < 0 ? value + size : value))
    }
}
