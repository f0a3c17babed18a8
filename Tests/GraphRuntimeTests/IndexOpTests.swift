import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct IndexOpTests {
    private func counted(_ type: ElementType, _ shape: Shape) -> Tensor {
        tensor(type, (0..<shape.elementCount).map { Double(type == .bool ? $0 % 2 : $0) }, shape)
    }

    @Test(arguments: ElementType.allCases, [ElementType.int32, .int64])
    func gathering(_ type: ElementType, _ indexType: ElementType) throws {
        let x = counted(type, [2, 3, 2])
        func pick(_ places: [Int]) -> [Double] { places.map { x.numbers[$0] } }
        let y = try evaluate(Gather(axis: 1), x, tensor(indexType, [2, -3], [1, 2]))
        #expect(y.type == TensorType(type, [2, 1, 2, 2]))
        #expect(y.numbers == pick([4, 5, 0, 1, 10, 11, 6, 7]))
        #expect(try evaluate(Gather(axis: 0), x, tensor(indexType, [1], [])).numbers == pick([6, 7, 8, 9, 10, 11]))
        #expect(try evaluate(GatherElements(axis: 1), x, tensor(indexType, [2, 0, -1, 1], [1, 2, 2])).numbers == pick([4, 1, 4, 3]))
        #expect(try evaluate(GatherElements(axis: 2), x, tensor(indexType, [1, 1, 0, 1], [1, 1, 4])).numbers == pick([1, 1, 0, 1]))
        #expect(try evaluate(GatherND(), x, tensor(indexType, [1, 2, 0, -3], [2, 2])).numbers == pick([10, 11, 0, 1]))
        #expect(try evaluate(GatherND(batchDimensions: 1), x, tensor(indexType, [1, 2], [2, 1])).numbers == pick([2, 3, 10, 11]))
        #expect(try evaluate(GatherND(), x, tensor(indexType, [], [3, 0])).shape == [3, 2, 3, 2])
        #expect(try evaluate(Gather(axis: 0), x, tensor(indexType, [], [0])).shape == [0, 3, 2])
    }

    private static let hostile: [Double] = [-9.2e18, -1e12, -4, 3, 4, 1e9, 9.2e18]

    /// Whatever the indices are, nothing outside is read or written.
    @Test func indicesFromOutside() throws {
        let x = counted(.float32, [3, 4])
        let indices = tensor(.int64, Self.hostile)
        let clamped = try evaluate(Gather(axis: 0), x, indices).floatArray
        #expect(clamped == [0, 0, 0, 2, 2, 2, 2].flatMap { row in (0..<4).map { Float(row * 4 + $0) } })
        #expect(try evaluate(GatherND(), x, tensor(.int64, Self.hostile, [7, 1])).floatArray == clamped)
        #expect(
            try evaluate(GatherElements(axis: 0), tensor(.float32, [5, 6, 7]), tensor(.int64, Self.hostile)).floatArray == [5, 5, 5, 7, 7, 7, 7])
        for reduction in ScatterReduction.allCases {
            let zeros = tensor(.float32, [1, 2, 3])
            let updates = tensor(.float32, [9], [7])
            #expect(try evaluate(ScatterElements(axis: 0, reduction: reduction), zeros, indices, updates).floatArray == [1, 2, 3])
            #expect(try evaluate(ScatterND(reduction: reduction), zeros, tensor(.int64, Self.hostile, [7, 1]), updates).floatArray == [1, 2, 3])
        }
    }

    @Test(arguments: ElementType.allCases)
    func scattering(_ type: ElementType) throws {
        let x = tensor(type, [0, 0, 0, 1, 1, 1], [2, 3])
        let updates = tensor(type, [1, 0, 1], [1, 3])
        #expect(try evaluate(ScatterElements(axis: 1), x, tensor(.int64, [-1, 1, 0], [1, 3]), updates).numbers == [1, 0, 1, 1, 1, 1])
        #expect(try evaluate(ScatterElements(axis: 0), x, tensor(.int32, [1, 0, 1], [1, 3]), updates).numbers == [0, 0, 0, 1, 1, 1])
        #expect(try evaluate(ScatterND(), x, tensor(.int64, [-1], [1, 1]), updates).numbers == [0, 0, 0, 1, 0, 1])
        #expect(try evaluate(ScatterND(), x, tensor(.int64, [0, 2, 1, 0], [2, 2]), tensor(type, [1, 0])).numbers == [0, 0, 1, 0, 1, 1])
        // Of several updates of one place the last stays.
        #expect(try evaluate(ScatterND(), x, tensor(.int64, [0, 0, 0, 0], [2, 2]), tensor(type, [1, 0])).numbers == [0, 0, 0, 1, 1, 1])
        #expect(try evaluate(ScatterElements(axis: 1), x, tensor(.int64, [], [0, 3]), tensor(type, [], [0, 3])).numbers == x.numbers)
    }

    @Test(arguments: ElementType.numeric)
    func reductions(_ type: ElementType) throws {
        let x = tensor(type, [1, 2, 3, 4, 5, 6], [3, 2])
        func scatter(_ reduction: ScatterReduction) throws -> [Double] {
            try evaluate(ScatterND(reduction: reduction), x, tensor(.int64, [1, 1, 2], [3, 1]), tensor(type, [1, 2, 4, 3, 2, 9], [3, 2])).numbers
        }
        #expect(try scatter(.add) == [1, 2, 8, 9, 7, 15])
        #expect(try scatter(.multiply) == [1, 2, 12, 24, 10, 54])
        #expect(try scatter(.max) == [1, 2, 4, 4, 5, 9])
        #expect(try scatter(.min) == [1, 2, 1, 2, 2, 6])
        let elements = try evaluate(
            ScatterElements(axis: 0, reduction: .add), tensor(type, [1, 1]), tensor(.int64, [1, 0, 1]), tensor(type, [2, 3, 4]))
        #expect(elements.numbers == [4, 7])
    }

    /// Longer parts than are brought together at a time, in place of a value that nothing else reads.
    @Test func longParts() throws {
        let graph = try GraphParser.parse(
            """
            graph g {
              input %x : f32[3, 20000]
              input %i : i64[2, 1]
              input %u : f32[2, 20000]
              %n = unary(%x) {function = negate} : f32[3, 20000]
              %y = scatter_nd(%n, %i, %u) {reduction = add} : f32[3, 20000]
              output y = %y
            }
            """, registry: .standard)
        let x = madeUpTensor([3, 20000], seed: 1)
        let u = madeUpTensor([2, 20000], seed: 2)
        for threads in 1...3 {
            let program = try emptyProgram(graph, threads: threads)
            let y = try program.run(["x": x, "u": u, "i": tensor(.int64, [2, 2], [2, 1])], in: Workspace())["y"]!.floatArray
            let (a, b) = (x.floatArray, u.floatArray)
            for index in 0..<60000 {
                #expect(y[index] == (index < 40000 ? -a[index] : -a[index] + b[index - 40000] + b[index - 20000]))
            }
        }
    }
}
