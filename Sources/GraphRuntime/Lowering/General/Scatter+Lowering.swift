import GraphIR
import Operators
import Tensors

extension ScatterReduction: ComputeTypeFunction {
    typealias Update = (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> Void

    /// Brings a run of elements together with its updates.
    func update(_ type: ElementType) -> Update {
        if self == .none { return RunConversions.conversion(from: type, to: type) }
        let compute = type.computeType
        let (read, write) = (RunConversions.conversion(from: type, to: compute), RunConversions.conversion(from: compute, to: type))
        let function = compute.withComputeType(self)
        let (size, chunk) = (type.byteSize, 64)
        func update(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
            // What fits on the stack.
            withUnsafeTemporaryAllocation(byteCount: 2 * chunk * 8, alignment: 8) { buffer in
                let (a, b) = (buffer.baseAddress!, buffer.baseAddress! + chunk * 8)
                for first in stride(from: 0, to: count, by: chunk) {
                    let run = Swift.min(chunk, count - first)
                    read(a, target + first * size, run)
                    read(b, source + first * size, run)
                    function(a, b, b, a, run)
                    write(target + first * size, a, run)
                }
            }
        }
        return update
    }

    func callAsFunction<C: ComputeElement>(_: C.Type) -> RunFunction {
        switch self {
        case .none: TileKernel.map { (_: C, b: C) in b }
        case .add: TileKernel.map { (a: C, b: C) in a.sum(b) }
        case .multiply: TileKernel.map { (a: C, b: C) in a.product(b) }
        case .max: TileKernel.map { (a: C, b: C) in a > b || a != a ? a : b }
        case .min: TileKernel.map { (a: C, b: C) in a < b || a != a ? a : b }
        }
    }
}

extension KernelArguments {
    /// Copies the first operand to the first result, unless that has taken its place.
    fileprivate func copyOperand(_ byteCount: Int) {
        guard operands[0] != results[0] else { return }
        StridedCopy(elementSize: 1, sizes: [byteCount], resultStrides: [1], operandStrides: [1]).run(results[0], operands[0], pool)
    }
}

extension ScatterElements: LowerableOp {
    public var takesEveryElementType: Bool { true }

    /// Lanes are independent of each other, so that they may run at once and each place has its updates in their order.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let size = x.elementType.byteSize
        let update = reduction.update(x.elementType)
        guard indices.elementCount > 0 else { return Kernel("copy", inPlaceOperands: [0]) { $0.copyOperand(x.byteCount) } }
        let lanes = IndexLanes(x.shape, indices: indices.shape, axis: axis)
        return Kernel("scatter_elements \(reduction.rawValue)", inPlaceOperands: [0]) { arguments in
            arguments.copyOperand(x.byteCount)
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[2], arguments.results[0])
            let tasks = lanes.tasks
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for lane in tasks.range(task) {
                    let start = lanes.start(lane)
                    for place in 0..<lanes.length {
                        let position = start.index + place * lanes.indexStride
                        guard let index = reader.index(position, of: lanes.size) else { continue }
                        update(to + (start.element + index * lanes.elementStride) * size, from + position * size, 1)
                    }
                }
            }
        }
    }
}

extension ScatterND: LowerableOp {
    public var takesEveryElementType: Bool { true }

    /// Work is split within the parts that are replaced, so that each place has its updates in their order.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let depth = indices.shape[-1]
        let size = x.elementType.byteSize
        let sizes = x.shape.dimensions.prefix(depth).map { $0 }
        let strides = x.shape.rowMajorStrides
        let partLength = x.shape.dimensions[depth...].reduce(1, *)
        let partCount = indices.shape.dimensions.dropLast().reduce(1, *)
        let update = reduction.update(x.elementType)
        guard context.operands[2].elementCount > 0 else { return Kernel("copy", inPlaceOperands: [0]) { $0.copyOperand(x.byteCount) } }
        let tasks = Blocks(partLength, size: 8192)
        return Kernel("scatter_nd \(reduction.rawValue)", inPlaceOperands: [0]) { arguments in
            arguments.copyOperand(x.byteCount)
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[2], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                let range = tasks.range(task)
                parts: for part in 0..<partCount {
                    var offset = range.lowerBound
                    for level in 0..<depth {
                        guard let index = reader.index(part * depth + level, of: sizes[level]) else { continue parts }
                        offset += index * strides[level]
                    }
                    update(to + offset * size, from + (part * partLength + range.lowerBound) * size, range.count)
                }
            }
        }
    }
}
