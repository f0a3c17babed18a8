import Files
import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct MovementOpTests {
    /// 0, 1, 0, 1, ... for bool, else 0, 1, 2, ...
    private func counted(_ type: ElementType, _ shape: Shape) -> Tensor {
        tensor(type, (0..<shape.elementCount).map { Double(type == .bool ? $0 % 2 : $0) }, shape)
    }

    private func expect(_ y: Tensor, _ x: Tensor, _ shape: Shape, _ indices: [Int], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(y.type == TensorType(x.type.elementType, shape), sourceLocation: sourceLocation)
        #expect(y.numbers == indices.map { $0 < 0 ? 0 : x.numbers[$0] }, sourceLocation: sourceLocation)
    }

    @Test(arguments: ElementType.allCases)
    func movements(_ type: ElementType) throws {
        let x = counted(type, [2, 3])
        expect(try evaluate(Reshape([3, 1, 2]), x), x, [3, 1, 2], [0, 1, 2, 3, 4, 5])
        expect(try evaluate(Transpose(permutation: [1, 0]), x), x, [3, 2], [0, 3, 1, 4, 2, 5])
        expect(try evaluate(Expand([2, 2, 3]), x), x, [2, 2, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
        expect(try evaluate(Expand([2, 3]), counted(type, [2, 1])), counted(type, [2, 1]), [2, 3], [0, 0, 0, 1, 1, 1])
        expect(try evaluate(Expand([0, 3]), counted(type, [1, 3])), x, [0, 3], [])
        expect(try evaluate(Slice(starts: [1, 2], sizes: [2, 2], steps: [-1, -2]), x), x, [2, 2], [5, 3, 2, 0])
        expect(try evaluate(Slice(starts: [1, 0], sizes: [1, 3], steps: [1, 1]), x), x, [1, 3], [3, 4, 5])
        expect(try evaluate(Slice(starts: [0, 9], sizes: [2, 0], steps: [1, 1]), x), x, [2, 0], [])
        expect(try evaluate(Tile(repeats: [2, 2]), x), x, [4, 6], [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5])
        expect(try evaluate(Tile(repeats: [0, 2]), x), x, [0, 6], [])
        expect(try evaluate(Concat(axis: 0), x, counted(type, [0, 3]), x), x, [4, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
        let parts = try OpEvaluator.evaluate(Split(axis: 1, sizes: [1, 0, 2]), [x])
        expect(parts[0], x, [2, 1], [0, 3])
        expect(parts[1], x, [2, 0], [])
        expect(parts[2], x, [2, 2], [1, 2, 4, 5])
        let square = counted(type, [3, 3])
        expect(try evaluate(Triangle(upper: true, diagonal: 1), square), square, [3, 3], [-1, 1, 2, -1, -1, 5, -1, -1, -1])
        expect(try evaluate(Triangle(upper: false, diagonal: -1), square), square, [3, 3], [-1, -1, -1, 3, -1, -1, 6, 7, -1])
        expect(try evaluate(Triangle(upper: false, diagonal: 9), x), x, [2, 3], [0, 1, 2, 3, 4, 5])
        expect(try evaluate(Triangle(upper: true, diagonal: 9), x), x, [2, 3], [-1, -1, -1, -1, -1, -1])
    }

    @Test(arguments: ElementType.allCases)
    func padding(_ type: ElementType) throws {
        let x = counted(type, [2, 3])
        expect(try evaluate(Pad(before: [1, 0], after: [0, 1]), x), x, [3, 4], [-1, -1, -1, -1, 0, 1, 2, -1, 3, 4, 5, -1])
        let one = tensor(type, [1], [])
        #expect(try evaluate(Pad(before: [0, 1], after: [0, 0]), x, one).numbers == [1] + x.numbers[..<3] + [1] + x.numbers[3...])
        expect(try evaluate(Pad(before: [-1, 2], after: [0, -1]), x), x, [1, 4], [-1, -1, 3, 4])
        let row = counted(type, [3])
        expect(try evaluate(Pad(before: [5], after: [6], mode: .reflect), row), row, [14], [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0])
        expect(try evaluate(Pad(before: [2], after: [1], mode: .edge), row), row, [6], [0, 0, 0, 1, 2, 2])
        expect(try evaluate(Pad(before: [4], after: [2], mode: .wrap), row), row, [9], [2, 0, 1, 2, 0, 1, 2, 0, 1])
        expect(try evaluate(Pad(before: [2], after: [1], mode: .reflect), counted(type, [1])), row, [4], [0, 0, 0, 0])
        // What is cut off is not mirrored.
        expect(try evaluate(Pad(before: [-1], after: [2], mode: .reflect), row), row, [4], [1, 2, 1, 2])
        expect(try evaluate(Pad(before: [2], after: [1]), counted(type, [0])), row, [3], [-1, -1, -1])
        #expect(throws: InputError.self) { try evaluate(Pad(before: [2], after: [1], mode: .edge), counted(type, [0])) }
        #expect(throws: InputError.self) { try evaluate(Pad(before: [-4], after: [0]), row) }
    }

    /// A row long enough for parts of it to move at once.
    @Test func longRows() throws {
        let x = Tensor((0..<300).map { Float($0) }, shape: [3, 100])
        let y = try evaluate(Pad(before: [0, 3], after: [1, 70000], mode: .edge), x)
        #expect(y.shape == [4, 70103])
        for row in 0..<4 {
            let values = y.floatArray[row * 70103..<(row + 1) * 70103]
            let source = (0..<100).map { Float(min(row, 2) * 100 + $0) }
            #expect(values.elementsEqual([Float](repeating: source[0], count: 3) + source + [Float](repeating: source[99], count: 70000)))
        }
    }

    /// More dimensions than the copying kernel has room for.
    @Test func manyDimensions() throws {
        let shape = Shape(Array(repeating: 2, count: 10))
        let y = try evaluate(Transpose(permutation: [9, 0, 7, 2, 5, 4, 3, 6, 1, 8]), Tensor((0..<1024).map { Float($0) }, shape: shape))
        let strides = shape.rowMajorStrides
        let expected = (0..<1024).map { index -> Float in
            Float([9, 0, 7, 2, 5, 4, 3, 6, 1, 8].enumerated().reduce(0) { $0 + index / strides[$1.offset] % 2 * strides[$1.element] })
        }
        #expect(y.floatArray == expected)
        #expect(try evaluate(Tile(repeats: Array(repeating: 2, count: 6)), tensor(.float32, [1, 2], [1, 1, 1, 1, 1, 2])).floatArray.count == 128)
    }

    @Test func partsThatLieInOnePieceAreViews() throws {
        func stepCount(_ text: String) throws -> Int {
            let graph = try GraphParser.parse(text, registry: .standard)
            return try emptyProgram(graph).steps.count
        }
        let slice = { (starts: String, sizes: String) in
            """
            graph g {
              input %x : f32[4, 16, 2]
              %y = slice(%x) {starts = \(starts), sizes = \(sizes), steps = [1, 1, 1]} : f32\(sizes)
              output y = %y
            }
            """
        }
        #expect(try stepCount(slice("[1, 0, 0]", "[2, 16, 2]")) == 0)
        #expect(try stepCount(slice("[1, 8, 0]", "[1, 4, 2]")) == 0)
        // Not at a multiple of a cache line, and not in one piece.
        #expect(try stepCount(slice("[1, 7, 0]", "[1, 4, 2]")) == 1)
        #expect(try stepCount(slice("[0, 8, 0]", "[2, 4, 2]")) == 1)
    }
}

/// A program of a graph without parameters.
func emptyProgram(_ graph: Graph, threads: Int = 1) throws -> Program {
    let pool = ThreadPool(threadCount: threads)
    return try Program(graph, parameters: ParameterStore(source: MadeUpParameters(shapes: [:]), pool: pool), options: RuntimeOptions(pool: pool))
}
