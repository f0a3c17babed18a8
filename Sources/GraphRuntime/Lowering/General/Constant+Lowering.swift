import GraphIR
import Operators

extension Constant: LiteralOp {}
