import Operators
import Tensors

extension LoweringContext {
    /// A kernel that knows images of one layout only, between conversions of those that have the other.
    ///
    /// - Parameters:
    ///   - images: which operands are images; the first result always is.
    ///   - lower: makes the kernel, given the types as it knows them.
    func inLayout(_ layout: Layout, images: Set<Int>, _ lower: (LoweringContext) throws -> Kernel) throws -> Kernel {
        func needsConversion(_ type: TensorType) -> Bool { type.layout != layout && !type.isLayoutFree }
        func known(_ type: TensorType) -> TensorType { needsConversion(type) ? TensorType(type.elementType, type.shape, layout: layout) : type }
        let converted = images.filter { needsConversion(operands[$0]) }.sorted()
        let convertsResult = needsConversion(results[0])
        guard !converted.isEmpty || convertsResult else { return try lower(self) }

        var inner = self
        for index in converted { inner.operands[index] = known(operands[index]) }
        inner.results[0] = known(results[0])
        let kernel = try lower(inner)
        // Behind the kernel's own scratch memory.
        var scratch = kernel.scratchByteCount
        func reserve(_ type: TensorType) -> Int {
            let start = scratch.roundedUp(toMultipleOf: Storage.alignment)
            scratch = start + type.byteCount
            return start
        }
        let copies = converted.map { (operand: $0, place: reserve(operands[$0]), copy: StridedCopy(from: operands[$0], to: inner.operands[$0])) }
        let resultPlace = convertsResult ? reserve(results[0]) : 0
        let resultCopy = StridedCopy(from: inner.results[0], to: results[0])
        var outer = kernel
        outer.name += " with layout copies"
        outer.scratchByteCount = scratch
        outer.inPlaceOperands = convertsResult ? [] : kernel.inPlaceOperands.filter { !converted.contains($0) }
        outer.strips = nil
        outer.run = { arguments in
            var (operands, results) = (arguments.operands, arguments.results)
            for (operand, place, copy) in copies {
                copy.run(arguments.scratch + place, operands[operand], arguments.pool)
                operands[operand] = arguments.scratch + place
            }
            if convertsResult { results[0] = arguments.scratch + resultPlace }
            kernel.run(
                KernelArguments(operands: operands, results: results, packed: arguments.packed, scratch: arguments.scratch, pool: arguments.pool))
            if convertsResult { resultCopy.run(arguments.results[0], results[0], arguments.pool) }
        }
        return outer
    }
}

extension Int {
    fileprivate func roundedUp(toMultipleOf size: Int) -> Int { (self + size - 1) / size * size }
}
