import GraphIR

/// Makes a graph that fails smaller, as long as it fails.
public enum GraphShrinker {
    public static func shrink(_ graph: Graph, fails: (Graph) -> Bool) -> Graph {
        var smallest = graph
        while let smaller = candidates(smallest).first(where: fails) { smallest = smaller }
        return smallest
    }

    /// Graphs with fewer nodes or outputs.
    private static func candidates(_ graph: Graph) -> [Graph] {
        var result: [Graph] = []
        if graph.outputs.count > 1 { result += graph.outputs.map { graph.rebuilt(outputs: [$0]) } }
        // What an output is made of, in its place.
        for output in graph.outputs {
            guard let producer = graph.producer(of: output.value) else { continue }
            for operand in graph[producer].operands where graph.producer(of: operand) != nil {
                result.append(graph.rebuilt(outputs: [Graph.Output(name: output.name, value: operand)]))
            }
        }
        // Values that are given instead of computed, the last first: that leaves the least.
        let made = graph.order.reversed().flatMap { graph[$0].results }.filter { value in !graph.outputs.contains { $0.value == value } }
        result += made.map { graph.rebuilt(outputs: graph.outputs, cuts: [$0]) }
        return result.filter { $0.order.count < graph.order.count || $0.outputs.count < graph.outputs.count }
    }
}
