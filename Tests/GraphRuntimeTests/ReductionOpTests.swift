import Files
import GraphIR
import GraphRuntime
import Operators
import Tensors
import Testing

@Suite struct ReductionOpTests {
    private func reduce(_ function: Reduce.Function, _ x: Tensor, _ axes: [Int], keeps: Bool = false) throws -> [Double] {
        try evaluate(Reduce(function, axes: axes, keepsDimensions: keeps), x).numbers
    }

    @Test(arguments: ElementType.numeric)
    func alongEachAxis(_ type: ElementType) throws {
        let x = tensor(type, [1, 2, 3, 4, 5, 6], [2, 3])
        #expect(try reduce(.sum, x, [0]) == [5, 7, 9])
        #expect(try reduce(.sum, x, [1]) == [6, 15])
        #expect(try reduce(.sum, x, [-2, 1]) == [21])
        #expect(try reduce(.sum, x, []) == x.numbers)
        #expect(try reduce(.mean, x, [1]) == [2, 5])
        #expect(try reduce(.max, x, [0]) == [4, 5, 6])
        #expect(try reduce(.min, x, [1]) == [1, 4])
        #expect(try reduce(.product, tensor(type, [1, 2, 3, 4], [2, 2]), [0]) == [3, 8])
        #expect(try reduce(.l1, x, [0]) == [5, 7, 9])
        #expect(try reduce(.l2, tensor(type, [3, 4]), [0]) == [5])
        #expect(try reduce(.sumSquare, x, [1]) == [14, 77])
        #expect(try reduce(.logSum, tensor(type, [1]), [0]) == [0])
        #expect(try evaluate(Reduce(.sum, axes: [1], keepsDimensions: true), x).shape == [2, 1])
        if type.isSigned {
            #expect(try reduce(.l1, tensor(type, [-1, 2, -3]), [0]) == [6])
            #expect(try reduce(.max, tensor(type, [-5, -2, -7]), [0]) == [-2])
        }
    }

    /// Kept and reduced dimensions by turns, with more elements than a block.
    @Test(arguments: [ElementType.float32, .float64, .int32])
    func alternatingAxes(_ type: ElementType) throws {
        let shape: Shape = [3, 2, 5, 2, 7]
        let values = (0..<shape.elementCount).map { Double($0 % 13) }
        let y = try evaluate(Reduce(.sum, axes: [0, 2, 4], keepsDimensions: false), tensor(type, values, shape))
        var expected = [Double](repeating: 0, count: 4)
        for (index, value) in values.enumerated() { expected[index / 70 % 2 * 2 + index / 7 % 2] += value }
        #expect(y.numbers == expected)
        let inner = try evaluate(Reduce(.max, axes: [0, 2], keepsDimensions: false), tensor(type, values, shape))
        var largest = [Double](repeating: 0, count: 28)
        for (index, value) in values.enumerated() {
            let place = index / 70 % 2 * 14 + index % 14
            largest[place] = max(largest[place], value)
        }
        #expect(inner.numbers == largest)
    }

    @Test func exponentialsStayInRange() throws {
        for type in ElementType.floats {
            let x = tensor(type, [1000, 1000, -1000, -1000], [2, 2])
            let y = try reduce(.logSumExp, x, [1])
            #expect(abs(y[0] - 1000.693) < 4 && abs(y[1] + 999.307) < 4)
            #expect(try reduce(.logSumExp, tensor(type, [-.infinity, -.infinity]), [0]) == [-.infinity])
        }
        #expect(abs(try reduce(.logSumExp, tensor(.float32, [1, 2, 3]), [0])[0] - 3.4076059) < 1e-6)
    }

    @Test func nothing() throws {
        for type in [ElementType.float32, .float16] {
            let x = tensor(type, [], [2, 0])
            #expect(try reduce(.sum, x, [1]) == [0, 0])
            #expect(try reduce(.product, x, [1]) == [1, 1])
            #expect(try reduce(.max, x, [1]) == [-.infinity, -.infinity])
            #expect(try reduce(.min, x, [1]) == [.infinity, .infinity])
            #expect(try reduce(.mean, x, [1]).allSatisfy(\.isNaN))
            #expect(try reduce(.logSum, x, [1]) == [-.infinity, -.infinity])
            #expect(try reduce(.sum, x, [0]) == [])
        }
        #expect(try reduce(.max, tensor(.int8, [], [0]), [0]) == [-128])
        #expect(try reduce(.min, tensor(.uint16, [], [0]), [0]) == [65535])
        #expect(try reduce(.mean, tensor(.int32, [], [0]), [0]) == [0])
    }

    @Test func notANumberIsTheExtreme() throws {
        for type in ElementType.floats {
            let x = tensor(type, [1, .nan, 3, 2, 5, 4], [2, 3])
            for function in [Reduce.Function.max, .min] {
                #expect(try reduce(function, x, [1])[0].isNaN)
                #expect(try reduce(function, x, [0])[1].isNaN)
            }
            #expect(try evaluate(ArgReduce(.max, axis: 1, keepsDimensions: false), x).numbers == [1, 1])
            #expect(try evaluate(ArgReduce(.min, axis: 1, keepsDimensions: false), x).numbers == [1, 0])
            #expect(try OpEvaluator.evaluate(TopK(axis: 1, k: 2), [x])[1].numbers == [1, 2, 1, 2])
            #expect(try OpEvaluator.evaluate(TopK(axis: 1, k: 2, largest: false), [x])[1].numbers == [0, 2, 0, 2])
        }
    }

    @Test func truthOfAllAndAny() throws {
        let x = tensor(.bool, [0, 1, 1, 1], [2, 2])
        #expect(try reduce(.max, x, [1]) == [1, 1])
        #expect(try reduce(.min, x, [1]) == [0, 1])
        #expect(throws: InputError.self) { try reduce(.sum, x, [1]) }
    }

    @Test(arguments: ElementType.allCases)
    func whereTheExtremeIs(_ type: ElementType) throws {
        let x = tensor(type, [0, 1, 1, 1, 0, 0], [3, 2])
        #expect(try evaluate(ArgReduce(.max, axis: 0, keepsDimensions: false), x).numbers == [1, 0])
        #expect(try evaluate(ArgReduce(.max, axis: 0, keepsDimensions: false, selectsLast: true), x).numbers == [1, 1])
        #expect(try evaluate(ArgReduce(.min, axis: -1, keepsDimensions: true), x).type == TensorType(.int64, [3, 1]))
        #expect(try evaluate(ArgReduce(.min, axis: 1, keepsDimensions: true, selectsLast: true), x).numbers == [0, 1, 1])
        #expect(throws: InputError.self) { try evaluate(ArgReduce(.min, axis: 1, keepsDimensions: true), tensor(type, [], [2, 0])) }
    }

    @Test(arguments: ElementType.numeric)
    func sumsSoFar(_ type: ElementType) throws {
        let x = tensor(type, [1, 2, 3, 4, 5, 6], [2, 3])
        func sum(_ axis: Int, _ exclusive: Bool, _ reversed: Bool) throws -> [Double] {
            try evaluate(CumulativeSum(axis: axis, exclusive: exclusive, reversed: reversed), x).numbers
        }
        #expect(try sum(1, false, false) == [1, 3, 6, 4, 9, 15])
        #expect(try sum(1, true, false) == [0, 1, 3, 0, 4, 9])
        #expect(try sum(1, false, true) == [6, 5, 3, 15, 11, 6])
        #expect(try sum(-1, true, true) == [5, 3, 0, 11, 6, 0])
        #expect(try sum(0, false, false) == [1, 2, 3, 5, 7, 9])
        #expect(try sum(0, true, true) == [4, 5, 6, 0, 0, 0])
    }

    @Test func longSums() throws {
        let x = Tensor([Float](repeating: 1, count: 3000), shape: [3000])
        #expect(try evaluate(CumulativeSum(axis: 0), x).floatArray == (1...3000).map { Float($0) })
        #expect(try evaluate(CumulativeSum(axis: 0, reversed: true), x).floatArray == (1...3000).reversed().map { Float($0) })
    }

    @Test(arguments: ElementType.numeric)
    func theLargest(_ type: ElementType) throws {
        let x = tensor(type, [3, 9, 1, 9, 4, 0, 2, 2], [2, 4])
        let largest = try OpEvaluator.evaluate(TopK(axis: 1, k: 3), [x])
        #expect(largest[0].numbers == [9, 9, 3, 4, 2, 2])
        #expect(largest[1].numbers == [1, 3, 0, 0, 2, 3])
        let smallest = try OpEvaluator.evaluate(TopK(axis: 0, k: 1, largest: false), [x])
        #expect(smallest[0].numbers == [3, 0, 1, 2])
        #expect(smallest[1].numbers == [0, 1, 0, 1])
        #expect(try OpEvaluator.evaluate(TopK(axis: 1, k: 0), [x])[0].shape == [2, 0])
        #expect(throws: InputError.self) { try evaluate(TopK(axis: 1, k: 5), x) }
    }

    /// More candidates than are kept at a time.
    @Test func theLargestOfMany() throws {
        let values = (0..<5000).map { Float($0 * 2654435761 % 5000) }
        let results = try OpEvaluator.evaluate(TopK(axis: 0, k: 10), [Tensor(values, shape: [5000])])
        let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }.prefix(10)
        #expect(results[1].numbers == order.map { Double($0) })
        #expect(results[0].floatArray == order.map { values[$0] })
    }
}
