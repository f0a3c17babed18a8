import Operators
import Tensors

/// A tensor that says less than it has numbers: one number everywhere, or a causal mask.
struct ConstantPattern {
    /// The number, above the diagonal where it is a mask.
    var value: Double
    /// 0 on and below the diagonal of the last two dimensions, and minus infinity or nearly so above.
    var isCausalMask: Bool

    /// Nil for any other tensor. Vectors are none either way: those of the same numbers are norms' scales.
    init?(_ id: ConstantID, in constants: ConstantTable) throws {
        let type = constants.type(id)
        guard type.elementType.isFloatingPoint else { return nil }
        if let (op, operands) = constants.computation(id), op is Expand, constants.type(operands[0]).elementCount == 1 {
            guard !type.shape.dimensions.contains(0) else { return nil }
            self.init(value: try constants.tensor(operands[0]).doubles[0], isCausalMask: false)
            return
        }
        guard type.elementCount <= Constant.elementCountLimit, type.shape.dimensions.filter({ $0 > 1 }).count >= 2 else { return nil }
        let numbers = try constants.tensor(id).doubles
        if numbers.allSatisfy({ $0.bitPattern == numbers[0].bitPattern }) {
            self.init(value: numbers[0], isCausalMask: false)
            return
        }
        let size = type.shape[-1]
        guard type.shape[-2] == size, size > 1, numbers[1] <= -1e30 else { return nil }
        let value = numbers[1]
        for (index, number) in numbers.enumerated() {
            let (row, column) = (index / size % size, index % size)
            guard number == (column > row ? value : 0) else { return nil }
        }
        self.init(value: value, isCausalMask: true)
    }

    private init(value: Double, isCausalMask: Bool) {
        self.value = value
        self.isCausalMask = isCausalMask
    }
}
