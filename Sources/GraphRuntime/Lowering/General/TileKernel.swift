import GraphIR
import Tensors

/// A function of up to three runs of elements: a, b, c (the first again where there are fewer), the result, how many.
typealias RunFunction = @Sendable (UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer, Int) -> Void

/// Elementwise kernels: tiles of the operands are broadcast and converted to what is computed in, then the function runs
/// over them, and its results are converted back. Elements that need no conversion are read and written where they lie.
enum TileKernel {
    private static let tile = 2048
    private static let tilesOfTask = 8

    /// - Parameters:
    ///   - computeTypes: what each operand is converted to.
    ///   - resultType: what the function gives; converted to the result's type.
    ///   - worksInPlace: whether the function may write a run over the one that it reads.
    static func make(
        _ name: String, _ context: LoweringContext, computeTypes: [ElementType], resultType: ElementType, worksInPlace: Bool = true,
        _ function: @escaping RunFunction
    ) -> Kernel {
        let y = context.results[0]
        let operands = context.operands
        let broadcasting = Broadcasting(operands, result: y)
        let reads = zip(operands, computeTypes).map { RunConversions.conversion(from: $0.elementType, to: $1) }
        let write = RunConversions.conversion(from: resultType, to: y.elementType)
        let direct = operands.indices.map { operands[$0].elementType == computeTypes[$0] && broadcasting.isContiguous($0) }
        let writesDirectly = resultType == y.elementType
        let sizes = operands.map(\.elementType.byteSize)
        let targetSizes = computeTypes.map(\.byteSize)
        let resultSize = y.elementType.byteSize
        let inPlace = operands.indices.filter {
            worksInPlace && operands[$0].shape == y.shape && operands[$0].layout == y.layout && sizes[$0] == resultSize
        }
        let tasks = Blocks(broadcasting.count, size: tile * tilesOfTask)
        return Kernel(name, inPlaceOperands: inPlace) { arguments in
            arguments.pool.parallelFor(tasks.count) { task, _ in
                withUnsafeTemporaryAllocation(byteCount: (operands.count + 1) * tile * 8, alignment: 64) { buffer in
                    let memory = buffer.baseAddress!
                    let range = tasks.range(task)
                    for first in stride(from: range.lowerBound, to: range.upperBound, by: tile) {
                        let part = first..<min(range.upperBound, first + tile)
                        func run(_ index: Int) -> UnsafeRawPointer {
                            let source = UnsafeRawPointer(arguments.operands[index])
                            if direct[index] { return source + first * sizes[index] }
                            let target = memory + index * tile * 8
                            broadcasting.read(
                                index, part, from: source, elementSize: sizes[index], into: target, targetSize: targetSizes[index],
                                convert: reads[index])
                            return UnsafeRawPointer(target)
                        }
                        let a = run(0)
                        let b = operands.count > 1 ? run(1) : a
                        let c = operands.count > 2 ? run(2) : a
                        let result = arguments.results[0] + first * resultSize
                        if writesDirectly {
                            function(a, b, c, result, part.count)
                        } else {
                            let values = memory + operands.count * tile * 8
                            function(a, b, c, values, part.count)
                            write(result, UnsafeRawPointer(values), part.count)
                        }
                    }
                }
            }
        }
    }

    /// A function of one run, for each element by itself.
    @inline(__always)
    static func map<A, Y>(_ function: @escaping @Sendable (A) -> Y) -> RunFunction {
        { a, _, _, y, count in
            let (a, y) = (a.assumingMemoryBound(to: A.self), y.assumingMemoryBound(to: Y.self))
            for index in 0..<count { y[index] = function(a[index]) }
        }
    }

    /// A function of two runs, for each pair of elements by itself.
    @inline(__always)
    static func map<A, B, Y>(_ function: @escaping @Sendable (A, B) -> Y) -> RunFunction {
        { a, b, _, y, count in
            let (a, b) = (a.assumingMemoryBound(to: A.self), b.assumingMemoryBound(to: B.self))
            let y = y.assumingMemoryBound(to: Y.self)
            for index in 0..<count { y[index] = function(a[index], b[index]) }
        }
    }
}
