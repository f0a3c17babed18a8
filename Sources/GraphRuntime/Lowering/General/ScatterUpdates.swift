import Operators
import Tensors

extension ScatterReduction: ComputeTypeFunction {
    typealias Update = @Sendable (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> Void

    /// Brings a run of elements together with its updates.
    func update(_ type: ElementType) -> Update {
        if self == .none { return RunConversions.conversion(from: type, to: type) }
        let compute = type.computeType
        let (read, write) = (RunConversions.conversion(from: type, to: compute), RunConversions.conversion(from: compute, to: type))
        let function = compute.withComputeType(self)
        let (size, chunk) = (type.byteSize, 64)
        @Sendable func update(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) {
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
    func copyOperand(_ byteCount: Int) {
        guard operands[0] != results[0] else { return }
        StridedCopy(elementSize: 1, sizes: [byteCount], resultStrides: [1], operandStrides: [1]).run(results[0], operands[0], pool)
    }
}
