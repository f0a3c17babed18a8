/// Which nodes some values need.
enum NeededNodes {
    /// - Parameter makers: the node that makes each name.
    static func find(_ nodes: [ONNXNode], makers: [String: Int], wanted: [String]) -> Set<Int> {
        var needed: Set<Int> = []
        var stack = wanted.compactMap { makers[$0] }
        while let index = stack.popLast() {
            guard needed.insert(index).inserted else { continue }
            stack += reads(nodes[index]).compactMap { makers[$0] }
        }
        return needed
    }

    /// The names that a node reads, those in its branches included. (Some of a branch's may be its own.)
    private static func reads(_ node: ONNXNode) -> [String] {
        node.inputs
            + node.branches.flatMap { branch in branch.outputs.map(\.name) + branch.nodes.flatMap(reads) }
    }
}
