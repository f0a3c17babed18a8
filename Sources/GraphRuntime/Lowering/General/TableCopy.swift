import Tensors

/// A copy in which a table for each dimension says which index of the operand goes to an index of the result; -1 stands for
/// a value from elsewhere.
struct TableCopy {
    private let elementSize: Int
    private let sizes: [Int]
    private let tables: [[Int32]]
    private let strides: [Int]
    /// Part of the last dimension in which neighbours stay neighbours.
    private let interior: Range<Int>

    init(elementSize: Int, operand: Shape, tables: [[Int32]]) {
        // A scalar is a row of one.
        self.elementSize = elementSize
        self.tables = tables.isEmpty ? [[0]] : tables
        strides = tables.isEmpty ? [1] : operand.rowMajorStrides
        sizes = self.tables.map(\.count)
        let last = self.tables.last!
        var longest = 0..<0
        var start = 0
        for index in last.indices {
            if last[index] < 0 || (index > start && last[index] != last[index - 1] + 1) { start = last[index] < 0 ? index + 1 : index }
            if index + 1 - start > longest.count { longest = start..<index + 1 }
        }
        interior = longest.count < 8 ? 0..<0 : longest
    }

    func run(_ y: UnsafeMutableRawPointer, _ x: UnsafeRawPointer, fill: UnsafeRawPointer?, _ pool: ThreadPool) {
        switch elementSize {
        case 1: run(y, x, fill?.assumingMemoryBound(to: UInt8.self).pointee ?? 0, pool)
        case 2: run(y, x, fill?.assumingMemoryBound(to: UInt16.self).pointee ?? 0, pool)
        case 4: run(y, x, fill?.assumingMemoryBound(to: UInt32.self).pointee ?? 0, pool)
        default: run(y, x, fill?.assumingMemoryBound(to: UInt64.self).pointee ?? 0, pool)
        }
    }

    @inline(__always)
    private func run<T: BitwiseCopyable>(_ y: UnsafeMutableRawPointer, _ x: UnsafeRawPointer, _ fill: T, _ pool: ThreadPool) {
        let (y, x) = (y.assumingMemoryBound(to: T.self), x.assumingMemoryBound(to: T.self))
        let width = sizes.last!
        let rowCount = sizes.dropLast().reduce(1, *)
        let columns = Blocks(width, size: 1 << 16)
        let rows = Blocks(rowCount, size: max(1, (1 << 14) / max(1, width)))
        pool.parallelFor(rows.count * columns.count) { task, _ in
            let part = columns.range(task % columns.count)
            for row in rows.range(task / columns.count) {
                let target = y + row * width
                var offset: Int? = 0
                var rest = row
                for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
                    let index = Int(tables[axis][rest % sizes[axis]])
                    offset = index < 0 ? nil : offset.map { $0 + index * strides[axis] }
                    rest /= sizes[axis]
                }
                guard let offset else {
                    (target + part.lowerBound).update(repeating: fill, count: part.count)
                    continue
                }
                let middle = interior.clamped(to: part)
                tables.last!.withUnsafeBufferPointer { table in
                    func scatter(_ range: Range<Int>) {
                        for index in range { target[index] = table[index] < 0 ? fill : x[offset + Int(table[index])] }
                    }
                    scatter(part.lowerBound..<(middle.isEmpty ? part.upperBound : middle.lowerBound))
                    guard !middle.isEmpty else { return }
                    (target + middle.lowerBound).update(from: x + offset + Int(table[middle.lowerBound]), count: middle.count)
                    scatter(middle.upperBound..<part.upperBound)
                }
            }
        }
    }
}
