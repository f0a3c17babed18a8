import GraphIR
import Operators

/// A node with a prologue and an epilogue, to be changed and put back.
struct FusedNode<MatchedOp: FusedOp> {
    let node: NodeID
    let results: [ValueID]
    var op: MatchedOp
    var operands: FusedOperands<ValueID>

    init(_ match: Match<MatchedOp>) {
        (node, results, op) = (match.node, match.results, match.op)
        operands = match.op.fusedOperands(match.operands)!
    }

    var prologue: [PrologueStep] { operands.prologue.map(\.step) }
    var epilogue: [EpilogueStep] { operands.epilogue.map(\.step) }

    /// Whether it is as imported: with a bias at most.
    var isPlain: Bool { prologue.isEmpty && epilogue.allSatisfy { $0 == .addBias } }

    func canAppend(_ step: EpilogueStep) -> Bool { step.canFollow(epilogue) }

    mutating func append(_ step: EpilogueStep, _ values: ValueID...) { operands.epilogue.append((step, values)) }

    /// The op with its steps written down, and the operands to go with it.
    func assembled() -> (op: MatchedOp, operands: [ValueID]) {
        var op = op
        op.prologue = prologue.isEmpty ? nil : prologue
        op.epilogue = epilogue.isEmpty || epilogue == [.addBias] ? nil : epilogue
        return (op, operands.all)
    }
}

extension FusedOperands<ValueID> {
    /// Puts a step behind one of the images.
    mutating func insertBehindImage(_ index: Int, _ step: PrologueStep, _ value: ValueID) {
        let images = [-1] + prologue.indices.filter { prologue[$0].step == .concat }
        prologue.insert((step, [value]), at: images[index] + 1)
    }

    /// Reads another image in place of one.
    mutating func replaceImage(_ image: ValueID, by other: ValueID) {
        if input == image { input = other }
        for index in prologue.indices where prologue[index].step == .concat && prologue[index].operands == [image] { prologue[index].operands = [other] }
    }
}

extension GraphEditor {
    func fused<T>(_ kind: T.Type, _ id: NodeID) -> FusedNode<T>? { match(kind, id).map(FusedNode.init) }

    /// The node that makes a value, if it is of that kind, only one operand reads the value, and it can do a step behind its others.
    func fused<T>(_ kind: T.Type, making value: ValueID, canAppend step: EpilogueStep) -> FusedNode<T>? {
        matchOnlyUsed(kind, making: value).map(FusedNode.init).flatMap { $0.canAppend(step) ? $0 : nil }
    }

    /// Replaces a node by a changed one; see ``GraphIR/GraphEditor/replace(_:with:_:absorbing:from:)``.
    @discardableResult
    mutating func replace<T>(_ id: NodeID, with node: FusedNode<T>, absorbing absorbed: [NodeID] = [], from: NodeID? = nil) throws -> [ValueID] {
        let (op, values) = node.assembled()
        return try replace(id, with: op, values, absorbing: absorbed, from: from)
    }

    /// Whether more can be folded in: the kernels that take more read packed weights, so these must be parameters, and images with the channels last.
    func canGrow<T>(_ layer: FusedNode<T>) -> Bool {
        guard let convolution = layer.op as? Conv2D else { return layer.operands.weights.allSatisfy { graph[$0].isParameter } }
        return type(layer.results[0]).layout == .channelsLast && hasChannelsLastKernel(convolution, weight: layer.operands.weights[0])
    }

    /// Whether there is a kernel for a convolution of channels-last images.
    func hasChannelsLastKernel(_ convolution: Conv2D, weight: ValueID) -> Bool {
        convolution.hasChannelsLastKernel && graph[weight].isParameter && type(weight).elementCount > 0
    }

    /// The operands of a convolution that can grow, or of group statistics; nil for other nodes. Both read images alike.
    func imageReader(_ id: NodeID) -> FusedOperands<ValueID>? {
        if let convolution = fused(Conv2D.self, id) { return canGrow(convolution) ? convolution.operands : nil }
        return fused(GroupStatistics.self, id)?.operands
    }

    /// Changes what such a node reads.
    mutating func changeImageReader(_ id: NodeID, absorbing absorbed: [NodeID], _ change: (inout FusedOperands<ValueID>) -> Void) throws {
        func replace<T>(_ node: FusedNode<T>, _ editor: inout GraphEditor) throws {
            var node = node
            change(&node.operands)
            try editor.replace(id, with: node, absorbing: absorbed)
        }
        if let convolution = fused(Conv2D.self, id) { return try replace(convolution, &self) }
        try replace(fused(GroupStatistics.self, id)!, &self)
    }
}
