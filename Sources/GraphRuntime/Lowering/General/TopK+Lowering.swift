import GraphIR
import Operators
import Tensors

extension TopK: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        context.operands[0].elementType.computeType.withComputeType(Selection(op: self, type: context.operands[0]))
    }
}

private struct Selection: ComputeTypeFunction {
    let op: TopK
    let type: TensorType

    func callAsFunction<C: ComputeElement>(_: C.Type) -> Kernel {
        let axis = op.axis < 0 ? op.axis + type.shape.rank : op.axis
        let length = type.shape[axis]
        let inner = type.shape.dimensions[(axis + 1)...].reduce(1, *)
        let rows = type.shape.dimensions[..<axis].reduce(1, *) * inner
        let read = RunConversions.conversion(from: type.elementType, to: C.elementType)
        let size = type.elementType.byteSize
        let (k, largest) = (op.k, op.largest)
        return Kernel("top_k") { arguments in
            let (x, y) = (UnsafeRawPointer(arguments.operands[0]), arguments.results[0])
            let places = arguments.results[1].assumingMemoryBound(to: Int64.self)
            arguments.pool.parallelFor(rows) { row, _ in
                let start = row / inner * length * inner + row % inner
                let target = row / inner * k * inner + row % inner
                withUnsafeTemporaryAllocation(of: C.self, capacity: max(1, length)) { buffer in
                    let values = buffer.baseAddress!
                    if inner == 1 {
                        read(values, x + start * size, length)
                    } else {
                        for index in 0..<length { read(values + index, x + (start + index * inner) * size, 1) }
                    }
                    for (rank, index) in best(values, length).enumerated() {
                        let offset = target + rank * inner
                        (y + offset * size).copyMemory(from: x + (start + index * inner) * size, byteCount: size)
                        places[offset] = Int64(index)
                    }
                }
            }
        }

        /// The first k in order, out of twice as many candidates that are thinned out whenever there are too many.
        @Sendable func best(_ values: UnsafePointer<C>, _ count: Int) -> ArraySlice<Int> {
            func precedes(_ a: Int, _ b: Int) -> Bool {
                let (u, v) = (values[a], values[b])
                let (uIsNaN, vIsNaN) = (u != u, v != v)
                if uIsNaN || vIsNaN { return uIsNaN == vIsNaN ? a < b : largest == uIsNaN }
                return u == v ? a < b : largest ? u > v : u < v
            }
            guard k > 0 else { return [] }
            var candidates: [Int] = []
            var last: Int?
            for index in 0..<count {
                if let last, !precedes(index, last) { continue }
                candidates.append(index)
                guard candidates.count >= 2 * k + 64 else { continue }
                candidates.sort(by: precedes)
                candidates.removeLast(candidates.count - k)
                last = candidates.last
            }
            candidates.sort(by: precedes)
            return candidates.prefix(k)
        }
    }
}
