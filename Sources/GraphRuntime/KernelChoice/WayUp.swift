import GraphIR
import Operators

extension Graph {
    /// Nodes on a network's way up: with an upsampling in front of them and no downsampling behind. Errors that are made there pass
    /// through few layers more, those of the way down through nearly all.
    func nodesOnTheWayUp() -> Set<NodeID> {
        var behindUpsampling: Set<ValueID> = []
        var beforeDownsampling: Set<ValueID> = []
        for id in order where self[id].op.upsamples || self[id].operands.contains(where: behindUpsampling.contains) {
            behindUpsampling.formUnion(self[id].results)
        }
        for id in order.reversed() where self[id].op.downsamples || self[id].results.contains(where: beforeDownsampling.contains) {
            beforeDownsampling.formUnion(self[id].operands)
        }
        return Set(order.filter { id in self[id].results.contains { behindUpsampling.contains($0) && !beforeDownsampling.contains($0) } })
    }
}

extension Op {
    fileprivate var upsamples: Bool { self is UpsampleNearest || (self as? Conv2D)?.upsampling ?? 1 > 1 }
    fileprivate var downsamples: Bool { (self as? Conv2D)?.stride.contains { $0 > 1 } ?? false }
}
