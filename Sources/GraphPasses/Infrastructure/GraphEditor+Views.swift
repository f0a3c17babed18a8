import GraphIR
import Operators
import Tensors

extension GraphEditor {
    /// The node that makes a value, if it only gives its operand other dimensions.
    func matchView(making value: ValueID) -> (node: NodeID, operand: ValueID)? {
        guard let node = graph.producer(of: value), graph[node].op is any ReshapingOp else { return nil }
        return (node, graph[node].operands[0])
    }

    /// The value whose elements these are, whatever views lie between.
    func viewed(_ value: ValueID) -> ValueID {
        var value = value
        while let view = matchView(making: value) { value = view.operand }
        return value
    }

    /// The views between two values.
    func viewNodes(from source: ValueID, to value: ValueID) -> [NodeID] {
        var nodes: [NodeID] = []
        var value = value
        while value != source, let view = matchView(making: value) {
            nodes.append(view.node)
            value = view.operand
        }
        return nodes
    }

    /// A value with other dimensions: itself, or a view in front of a node.
    mutating func reshaped(_ value: ValueID, to shape: Shape, before node: NodeID) throws -> ValueID {
        if type(value).shape == shape { return value }
        return try insert(Reshape(shape), [value], before: node, name: "\(graph[value].name).view")[0]
    }

    /// The vector of [count] elements that stands, one element a channel, in a value that is added to or multiplied with images whose
    /// channel is that axis counted from the end.
    func channelVector(_ value: ValueID, count: Int, axisFromEnd: Int) -> ValueID? {
        let shape = type(value).shape
        guard shape.rank >= axisFromEnd, shape[shape.rank - axisFromEnd] == count, shape.elementCount == count else { return nil }
        var source = value
        while type(source).shape != [count] {
            guard let view = matchView(making: source) else { return nil }
            source = view.operand
        }
        return source
    }
}

extension Graph {
    /// The constant that a node makes.
    func constant(_ value: ValueID) -> Constant? { producer(of: value).flatMap { self[$0].op as? Constant } }
}

extension GraphEditor {
    /// The number that all elements of a constant are.
    func splat(_ value: ValueID) -> Double? {
        guard let constant = graph.constant(viewed(value)), let first = constant.values.first, constant.values.allSatisfy({ $0 == first })
        else { return nil }
        return first
    }

    /// The one operand of a sum, product or the like that is a constant of equal elements, and the other one, if that has the
    /// type of the result.
    func operandAndSplat(_ node: NodeID) -> (value: ValueID, number: Double)? {
        let operands = graph[node].operands
        for (value, other) in [(operands[0], operands[1]), (operands[1], operands[0])] {
            guard let number = splat(other), splat(value) == nil, type(value) == type(graph[node].results[0]) else { continue }
            return (value, number)
        }
        return nil
    }

    /// By how much a node multiplies its operand, if that is all it does: a ``Scale``, or a division by a number.
    func scaleFactor(_ node: NodeID) -> Double? {
        let operands = graph[node].operands
        if let scale = graph[node].op as? Scale { return Double(scale.factor) }
        guard let binary = graph[node].op as? Binary, binary.function == .divide, let divisor = splat(operands[1]), divisor != 0,
            divisor.isFinite, type(operands[0]) == type(graph[node].results[0])
        else { return nil }
        return 1 / divisor
    }

    /// A value as a multiple of another one, and the nodes that multiply.
    func unscaled(_ value: ValueID) -> (value: ValueID, factor: Double, nodes: [NodeID]) {
        var result = (value: value, factor: 1.0, nodes: [NodeID]())
        while let node = graph.producer(of: result.value), let factor = scaleFactor(node) {
            result.factor *= factor
            result.nodes.append(node)
            result.value = graph[node].operands[0]
        }
        return result
    }
}
