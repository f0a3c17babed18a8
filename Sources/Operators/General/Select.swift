import Files
import GraphIR
import Tensors

/// `y = condition ? a : b`, element by element; sizes of one are broadcast. Operands: condition (bool), a, b.
public struct Select: Op {
    public static let name = "select"
    public static let family = OpFamily.elementwise

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        guard operands[0].elementType == .bool else { throw InputError("the condition must be bool, not \(operands[0])") }
        var condition = operands[0]
        condition.elementType = operands[1].elementType
        return [try Inference.broadcasting([condition, operands[1], operands[2]])]
    }
}
