import Files
import GraphIR
import Tensors

/// An op that says how what depends on its results changes with its operands.
///
/// The rule is written in ops that exist, so that a gradient is a graph like any other. See ``GraphPasses/Gradient``.
public protocol DifferentiableOp: Op {
    /// The gradient with respect to an operand, of its type.
    ///
    /// - Throws: an `InputError` where the rule does not cover the op's attributes or operands.
    func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID
}

/// A node whose gradient is written, and the graph that it goes into, which holds the node itself.
public struct Differentiation {
    public let operands: [ValueID]
    public let results: [ValueID]
    /// With respect to each result; nil where nothing depends on it.
    private let gradients: [ValueID?]
    public var builder: GraphBuilder

    public init(_ node: Node, gradients: [ValueID?], _ builder: GraphBuilder) {
        (operands, results) = (node.operands, node.results)
        self.gradients = gradients
        self.builder = builder
    }

    public func type(_ id: ValueID) -> TensorType { builder.type(id) }

    public mutating func apply(_ op: some Op, _ operands: ValueID...) throws -> ValueID { try builder.apply(op, operands)[0] }

    /// The gradient with respect to a result, zeros where nothing depends on it.
    public mutating func gradient(_ index: Int = 0) throws -> ValueID {
        if let known = gradients[index] { return known }
        let type = type(results[index])
        return try apply(Expand(type.shape), apply(Constant(type.elementType, [], [0])))
    }

    /// Sums over the dimensions along which an operand was repeated.
    public mutating func summed(_ gradient: ValueID, toOperand index: Int) throws -> ValueID {
        let (from, to) = (type(gradient).shape, type(operands[index]).shape)
        let missing = from.rank - to.rank
        let repeated = (0..<from.rank).filter { $0 < missing || (to[$0 - missing] == 1 && from[$0] != 1) }
        guard !repeated.isEmpty else { return gradient }
        let sum = try apply(Reduce(.sum, axes: repeated, keepsDimensions: true), gradient)
        return missing == 0 ? sum : try apply(Reshape(to), sum)
    }

    /// A matrix with its last two dimensions swapped.
    mutating func transposed(_ matrix: ValueID) throws -> ValueID {
        let rank = type(matrix).shape.rank
        return try apply(Transpose(permutation: Array(0..<rank - 2) + [rank - 1, rank - 2]), matrix)
    }

    /// The mean over the last dimension, which stays.
    mutating func mean(_ x: ValueID) throws -> ValueID { try apply(Reduce(.mean, axes: [-1], keepsDimensions: true), x) }
}

extension Differentiation {
    func requireInput(_ index: Int) throws {
        guard index == 0 else { throw InputError("there is a rule for the gradient with respect to the input alone, not to weights") }
    }

    /// Rules are those of the graph before passes have folded neighbours in.
    func requireImported(_ op: some FusedOp, operand index: Int) throws {
        guard op.prologue == nil, op.epilogue == nil else { throw InputError("there is no rule for what passes have folded into it") }
        try requireInput(index)
    }
}

extension DifferentiableOp where Self: ReshapingOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.apply(Reshape(b.type(b.operands[0]).shape), b.gradient()) }
}
