import GraphIR
import Operators

extension GraphEditor {
    /// Whether there is a kernel for a convolution of channels-last images. It arranges the weights beforehand, so these must be parameters.
    func hasChannelsLastKernel(_ convolution: Match<Conv2D>) -> Bool {
        let weight = RoledOperands(convolution)[.weight]!
        return convolution.op.hasChannelsLastKernel && graph[weight].isParameter && type(weight).elementCount > 0
    }

    /// Whether more can be folded into a convolution: what is no plain one only the channels-last kernel computes.
    func canGrow(_ convolution: Match<Conv2D>) -> Bool {
        type(convolution.result).layout == .channelsLast && hasChannelsLastKernel(convolution)
    }
}

/// Convolutions and group statistics read images in the same roles.
extension GraphEditor {
    /// The operands of such a node by role; nil for other nodes, and for convolutions that cannot grow.
    func imageReader(_ id: NodeID) -> [Conv2D.Operand: ValueID]? {
        func operands<T: RoledOp>(_ match: Match<T>) -> [Conv2D.Operand: ValueID] where T.Role == Conv2D.Operand {
            Dictionary(uniqueKeysWithValues: zip(match.op.roles(count: match.operands.count), match.operands))
        }
        if let convolution = match(Conv2D.self, id) { return canGrow(convolution) ? operands(convolution) : nil }
        return match(GroupStatistics.self, id).map(operands)
    }

    /// Gives such a node other operands in some roles.
    mutating func setImageOperands(_ values: [Conv2D.Operand: ValueID], of id: NodeID, absorbing absorbed: [NodeID]) throws {
        func set<T: RoledOp>(_ match: Match<T>, _ editor: inout GraphEditor) throws where T.Role == Conv2D.Operand {
            var operands = RoledOperands(match)
            for (role, value) in values { operands[role] = value }
            try editor.replace(id, with: operands, absorbing: absorbed)
        }
        if let convolution = match(Conv2D.self, id) {
            try set(convolution, &self)
        } else if let statistics = match(GroupStatistics.self, id) {
            try set(statistics, &self)
        } else {
            preconditionFailure("no reader of images")
        }
    }
}
