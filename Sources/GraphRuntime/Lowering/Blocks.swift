/// A range cut into pieces of at most `size`.
struct Blocks {
    let count: Int
    let size: Int
    let total: Int

    init(_ total: Int, size: Int) {
        self.total = total
        self.size = max(1, size)
        count = (total + self.size - 1) / self.size
    }

    func range(_ index: Int) -> Range<Int> { index * size..<min(total, (index + 1) * size) }
}
