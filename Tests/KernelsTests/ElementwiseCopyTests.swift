import CKernels
import Testing

/// A copy between two boxes of memory: for each dimension the size and both strides.
private func check<T: BitwiseCopyable & FixedWidthInteger>(
    _ type: T.Type, size: [Int], strideY: [Int], strideX: [Int], countY: Int, offsetX: Int = 0, countX: Int,
    location: SourceLocation = #_sourceLocation
) {
    let x = (0..<countX).map { T(truncatingIfNeeded: $0 &* 2_654_435_761 &+ 17) }
    let blank = [T](repeating: 0x5b, count: countY)
    var expected = blank
    for index in 0..<size.reduce(1, *) {
        var rest = index
        var atY = 0
        var atX = offsetX
        for d in size.indices.reversed() {
            atY += rest % size[d] * strideY[d]
            atX += rest % size[d] * strideX[d]
            rest /= size[d]
        }
        expected[atY] = x[atX]
    }
    let y = KernelHarness.output(countY, of: T.self, initial: blank, location: location) { pool, y in
        x.withUnsafeBufferPointer {
            dd_copy_strided(
                pool, y, $0.baseAddress! + offsetX, Int32(MemoryLayout<T>.size), Int32(size.count),
                size.map(Int64.init),
                strideY.map(Int64.init), strideX.map(Int64.init))
        }
    }
    #expect(y == expected, "\(T.self) \(size) \(strideY) \(strideX)", sourceLocation: location)
}

private func contiguous(_ size: [Int]) -> [Int] {
    var stride = 1
    return size.reversed().map { s in
        defer { stride *= s }
        return stride
    }.reversed()
}

@Suite struct ElementwiseCopyTests {
    private func permutations<T: BitwiseCopyable & FixedWidthInteger>(_ type: T.Type) {
        var numbers = SeededNumbers(5)
        for _ in 0..<25 {
            let rank = numbers.below(6)
            let sizeX = (0..<rank).map { _ in [1, 2, 3, 8, 16, 19, 33][numbers.below(7)] }
            let count = sizeX.reduce(1, *)
            guard count < 50_000 else { continue }
            var order = Array(0..<rank)
            for i in order.indices { order.swapAt(i, numbers.below(rank)) }
            let size = order.map { sizeX[$0] }
            let strides = contiguous(sizeX)
            check(
                type, size: size, strideY: contiguous(size), strideX: order.map { strides[$0] }, countY: count,
                countX: count)
        }
    }

    @Test func permutesEveryElementSize() {
        KernelHarness.forEachISA { _ in
            permutations(UInt8.self)
            permutations(UInt16.self)
            permutations(UInt32.self)
            permutations(UInt64.self)
        }
    }

    @Test(arguments: [(1, 1), (1, 100), (77, 1), (16, 16), (15, 17), (64, 300), (128, 513), (320, 65), (1000, 37)])
    func transposes(_ rows: Int, _ columns: Int) {
        KernelHarness.forEachISA { _ in
            let n = rows * columns
            check(
                UInt32.self, size: [rows, columns], strideY: [columns, 1], strideX: [1, rows], countY: n, countX: n)
            check(
                UInt16.self, size: [rows, columns], strideY: [columns, 1], strideX: [1, rows], countY: n, countX: n)
            check(
                UInt64.self, size: [rows, columns], strideY: [columns, 1], strideX: [1, rows], countY: n, countX: n)
            check(UInt8.self, size: [rows, columns], strideY: [columns, 1], strideX: [1, rows], countY: n, countX: n)
        }
    }

    @Test func slicesConcatenatesReversesAndBroadcasts() {
        KernelHarness.forEachISA { _ in
            // The middle of a [3, 10, 7].
            check(
                UInt32.self, size: [3, 4, 7], strideY: [28, 7, 1], strideX: [70, 7, 1], countY: 84, offsetX: 21,
                countX: 210)
            // Into a part of the output, the rest untouched.
            check(UInt32.self, size: [3, 4, 7], strideY: [70, 7, 1], strideX: [28, 7, 1], countY: 210, countX: 84)
            // Every second, and backwards.
            check(UInt32.self, size: [5, 6], strideY: [6, 1], strideX: [12, 2], countY: 30, countX: 60)
            check(UInt32.self, size: [5, 6], strideY: [6, 1], strideX: [-6, -1], countY: 30, offsetX: 29, countX: 30)
            // One row for all, one column for all.
            check(UInt32.self, size: [9, 40], strideY: [40, 1], strideX: [0, 1], countY: 360, countX: 40)
            check(UInt32.self, size: [40, 9], strideY: [9, 1], strideX: [1, 0], countY: 360, countX: 40)
            // A long run in one piece, and nothing at all.
            check(UInt8.self, size: [300_001], strideY: [1], strideX: [1], countY: 300_001, countX: 300_001)
            check(UInt16.self, size: [3, 0, 2], strideY: [1, 1, 1], strideX: [1, 1, 1], countY: 4, countX: 4)
            check(UInt32.self, size: [], strideY: [], strideX: [], countY: 1, countX: 1)
            // Eight dimensions.
            check(
                UInt32.self, size: [2, 3, 2, 2, 3, 2, 2, 2], strideY: contiguous([2, 3, 2, 2, 3, 2, 2, 2]),
                strideX: contiguous([2, 2, 2, 3, 2, 2, 3, 2]).reversed(), countY: 576, countX: 576)
        }
    }
}
