import Foundation
import GraphIR
import GraphRuntime
import GraphViews
import Operators
import Tensors
import Testing

@Suite struct DocumentTests {
    /// What names from a file can hold at worst.
    static let hostileNames = [
        "</script><script>document.documentElement.dataset.stolen='yes'</script>", "<img src=x onerror=alert(1)>", "<!--<script>", "say \"hi\"",
        "back\\slash\\", "two\nlines", "@@DATA@@", "größe.層.0", "a..b", ".", "line\u{2028}separator", "__proto__.constructor", "tab\tand\u{1b}[31m",
    ]

    static func hostileGraph() throws -> Graph {
        var b = GraphBuilder(name: "<b>&\"graph\"")
        var x = b.input("<input>", TensorType(.float32, [2, 3]))
        let weight = b.parameter("<key>&\"'</script>", TensorType(.float32, [3, 3]))
        for name in hostileNames { x = try b.apply(Linear(), x, weight, name: name) }
        b.output("</title>", x)
        return b.graph
    }

    @Test func keepsItsSchema() throws {
        let graph = try Samples.small()
        let document = GraphDocument(
            graph, stage: "scheduled",
            schedule: Schedule([.init(node: "net.blocks.0.conv2d", kernel: "conv2d direct", scratchBytes: 64)]))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(document.json().utf8)) as? [String: Any])
        #expect(json.keys.sorted() == ["inputs", "name", "nodes", "outputs", "parameters", "schema", "stage"])
        #expect(json["schema"] as? String == "deblurdiff.graph/1")
        let nodes = try #require(json["nodes"] as? [[String: Any]])
        #expect(
            nodes[0].keys.sorted() == [
                "attributes", "cost", "family", "isView", "kernel", "name", "op", "operands", "origins", "results", "scratchBytes", "step",
            ])
        #expect(
            nodes[1].keys.sorted() == ["attributes", "cost", "family", "isView", "name", "op", "operands", "origins", "results"],
            "what is not known is left out")
        #expect(nodes[0]["attributes"] as? NSDictionary == ["stride": [1, 1], "padding": [1, 1, 1, 1]] as NSDictionary)
        #expect(
            nodes[0]["operands"] as? NSArray == [
                ["value": "x"], ["parameter": "w"], ["parameter": "b"],
            ] as NSArray)
        #expect((nodes[0]["cost"] as? [String: Any])?.keys.sorted() == ["flop", "readBytes", "weightBytes", "writtenBytes"])
        #expect(
            (json["inputs"] as? NSArray) == [["name": "x", "type": ["element": "f32", "shape": [1, 4, 8, 8], "layout": "row_major"]]] as NSArray)
        #expect((json["outputs"] as? NSArray) == [["name": "y", "source": ["value": "sum"]]] as NSArray)
    }

    @Test func roundTrips() throws {
        for graph in [try Samples.small(), try DocumentTests.hostileGraph()] {
            let document = GraphDocument(graph, stage: "imported")
            #expect(try JSONDecoder().decode(GraphDocument.self, from: Data(document.json().utf8)) == document)
            #expect(document.nodes.count == graph.order.count)
        }
    }

    @Test func sameGraphSameBytes() throws {
        let graph = try DocumentTests.hostileGraph()
        #expect(GraphDocument(graph, stage: "a").json() == GraphDocument(graph, stage: "a").json())
    }

    @Test func readsScopesFromNames() throws {
        var document = GraphDocument(try Samples.small(), stage: "imported")
        #expect(document.scopes == [["net", "blocks", "0"], ["net", "blocks", "0"], ["net", "blocks", "0"], []])
        document.nodes[0].name = String(repeating: "a.", count: 100_000) + "b"
        #expect(document.scopes[0].count < 32, "a name cannot nest scopes without end")
        document.nodes[0].name = "net.blocks.0.silu.statistics.mean"
        #expect(document.scopes[0] == ["net", "blocks", "0", "silu", "statistics"])
        document.nodes[0].name = "net.blocks.0.silu.statistics"
        #expect(document.scopes[0] == ["net", "blocks", "0"], "a value's name is no scope")
    }

    @Test func writesDOT() throws {
        let graph = try Samples.small()
        let text = GraphDocument(graph, stage: "imported").dot()
        #expect(text.contains("subgraph \"cluster_net.blocks.0\""))
        #expect(text.contains("n0 -> n1;") && text.contains("in0 -> n0;") && text.contains("n3 -> out0;"))
        let folded = GraphDocument(graph, stage: "imported").dot(foldedAt: 2)
        #expect(folded.contains("blocks\\n3 ops") && !folded.contains("group_norm"))
    }

    @Test(.enabled(if: Tool.dot != nil), arguments: [nil, 1, 2]) func graphvizReadsIt(depth: Int?) throws {
        for graph in [try Samples.small(), try DocumentTests.hostileGraph()] {
            let svg = try Tool.run(Tool.dot!, ["-Tsvg"], input: GraphDocument(graph, stage: "imported").dot(foldedAt: depth))
            #expect(svg.contains("</svg>"))
        }
    }

    @Test func dumpsInEveryFormat() throws {
        let graph = try Samples.small()
        var dump = GraphDump(graph, stage: "imported")
        #expect(dump.text(as: .text) == graph.text)
        #expect(dump.text(as: .json).contains("deblurdiff.graph/1"))
        #expect(dump.text(as: .dot).hasPrefix("digraph"))
        #expect(dump.text(as: .html).hasPrefix("<!doctype html>"))
        dump = GraphDump(try Samples.program(graph).plan)
        let table = dump.text(as: .text)
        #expect(table.contains("net.blocks.0.conv2d") && table.contains("offset"))
    }
}
