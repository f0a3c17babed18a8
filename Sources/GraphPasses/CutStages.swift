import GraphIR
import Operators

/// Cuts a graph that is run again and again into pieces that need not run each time: a piece that does not run is replaced by what it put out when it last ran.
///
///     %a = conv2d(%z, ...)         piece "first"         -> step:first+second    both run at the same steps
///     %b = conv2d(%a, ...)         piece "second"
///     %y = conv2d(%b, %z, ...)     piece "last"          -> step:last            runs each time, on the newest %b
///
/// A node belongs to the piece whose prefix of its name is the longest, but never to one before a piece that it reads. The nodes stay as they are, so that running all stages gives
/// what the whole graph gives, to the bit.
public struct CutStages: Hashable, Sendable {
    public struct Piece: Hashable, Sendable {
        public var name: String
        /// Of names of nodes, up to a dot.
        public var prefixes: [String]
        /// Pieces of one rhythm run at the same steps.
        public var rhythm: Int

        public init(_ name: String, prefixes: [String], rhythm: Int = 0) { (self.name, self.prefixes, self.rhythm) = (name, prefixes, rhythm) }
    }

    /// In an order in which they can run.
    public var pieces: [Piece]

    public init(pieces: [Piece]) { self.pieces = pieces }

    /// The name of a stage of some pieces, from which ``pieces(ofStage:)`` has them.
    private static func stageName(_ graph: String, _ pieces: [String]) -> String { graph + ":" + pieces.joined(separator: "+") }

    /// Empty for what is no stage of a cut.
    public static func pieces(ofStage name: String) -> [String] {
        guard let colon = name.firstIndex(of: ":") else { return [] }
        return name[name.index(after: colon)...].split(separator: "+").map(String.init)
    }

    /// - Parameter graph: what ``HoistInvariants`` leaves. What reads its inputs alone and belongs to no piece, such as a change of layout, each stage computes for itself.
    /// - Returns: stages in the order in which they run; pieces of one rhythm are one stage where their order allows it. The outputs of each are what others read, under the
    ///   values' names, and those of the graph.
    public func split(_ graph: Graph) -> [GraphStage] {
        var place: [NodeID: Int] = [:]
        var reads = [Set<Int>](repeating: [], count: pieces.count)
        for id in graph.order {
            let operands = graph[id].operands.compactMap(graph.producer)
            let before = operands.compactMap { place[$0] }
            // Parts of a row of a table are views, which each stage takes for itself.
            let isView = graph[id].op is Split && operands.isEmpty
            guard !isView, let piece = ([piece(of: graph.name(of: id))] + before).compactMap(\.self).max() else { continue }
            place[id] = piece
            reads[piece].formUnion(before.filter { $0 != piece })
        }
        return stages(graph, place, groups(Set(place.values), reads))
    }

    private func piece(of name: String) -> Int? {
        let matching = pieces.indices.flatMap { index in
            pieces[index].prefixes.filter { name == $0 || name.hasPrefix($0 + ".") }.map { (index, $0.count) }
        }
        return matching.max { $0.1 < $1.1 }?.0
    }

    private func groups(_ used: Set<Int>, _ reads: [Set<Int>]) -> [[Int]] {
        var groups: [[Int]] = []
        for piece in used.sorted() {
            let first = groups.lastIndex { !reads[piece].isDisjoint(with: $0) } ?? 0
            if let group = groups.indices.dropFirst(first).last(where: { pieces[groups[$0][0]].rhythm == pieces[piece].rhythm }) {
                groups[group].append(piece)
            } else {
                groups.append([piece])
            }
        }
        return groups
    }

    private func stages(_ graph: Graph, _ place: [NodeID: Int], _ groups: [[Int]]) -> [GraphStage] {
        let inputs = Set(graph.inputs.map { graph[$0].name })
        guard groups.count > 1 else { return [GraphStage(name: graph.name, graph: graph, dependsOn: inputs)] }
        let group = place.mapValues { piece in groups.firstIndex { $0.contains(piece) }! }
        let uses = graph.uses()
        return groups.indices.map { index in
            var needed = Set(group.filter { $0.value == index }.keys)
            for id in graph.order.reversed() where needed.contains(id) || index == groups.count - 1 && isOutput(id, graph) && group[id] == nil {
                needed.insert(id)
                needed.formUnion(graph[id].operands.compactMap(graph.producer).filter { group[$0] == nil })
            }
            let crossing = graph.order.filter { group[$0] == index }.flatMap { graph[$0].results }.filter { value in
                (uses[value] ?? []).contains { group[$0].map { $0 != index } ?? false }
            }
            let made = Set(needed.filter { group[$0] == index || group[$0] == nil && index == groups.count - 1 }.flatMap { graph[$0].results })
            let outputs = graph.outputs.filter { made.contains($0.value) }
            let name = CutStages.stageName(graph.name, groups[index].map { pieces[$0].name })
            return GraphStage(
                name: name,
                graph: graph.extract(
                    name, nodes: graph.order.filter(needed.contains), outputs: outputs + crossing.map { Graph.Output(name: graph[$0].name, value: $0) }),
                dependsOn: inputs)
        }
    }

    private func isOutput(_ id: NodeID, _ graph: Graph) -> Bool { graph.outputs.contains { graph[id].results.contains($0.value) } }
}
