import Files
import GraphIR
import GraphPasses
import Operators
import Tensors
import Testing

private struct Lower: RewritePass {
    static let name = "lower"
    func rewrite(_ node: NodeID, op: SiLU, editor: inout GraphEditor) throws -> Bool {
        try editor.replace(node, with: GELU(), editor.graph[node].operands)
        return true
    }
}

private struct Raise: RewritePass {
    static let name = "raise"
    static let runsAfter: [any Pass.Type] = [Lower.self]
    func rewrite(_ node: NodeID, op: GELU, editor: inout GraphEditor) throws -> Bool {
        try editor.replace(node, with: SiLU(), editor.graph[node].operands)
        return true
    }
}

private struct BreakOutput: RewritePass {
    static let name = "break_output"
    func rewrite(_ node: NodeID, op: SiLU, editor: inout GraphEditor) throws -> Bool {
        editor.removeOutput("y")
        editor.erase(node)
        return true
    }
}

@Suite struct PipelineTests {
    private let text = graph(
        """
        input %x : f32[2, 3]
        %a = silu(%x) : f32[2, 3]
        %b = silu(%x) : f32[2, 3]
        %c = add(%a, %b) : f32[2, 3]
        output y = %c
        """)

    private func parsed() throws -> Graph { try GraphParser.parse(text, registry: .standard) }

    @Test func refusesAWrongOrder() throws {
        _ = try Pipeline([Lower(), Raise()])
        #expect { try Pipeline([Raise(), Lower()]) } throws: { "\($0)".contains("'raise' stands before 'lower'") }
        #expect { try Pipeline([Lower(), Lower()]) } throws: { "\($0)".contains("'lower' stands twice") }
    }

    /// Behind those that it must follow, wherever these stand; in front of all without.
    @Test func putsAnAddedPassInItsPlace() throws {
        for pipeline in [try Pipeline(settling: [Lower()], [], finishing: []), try Pipeline([Lower()]), try Pipeline(settling: [], [], finishing: [Lower()])] {
            #expect(try pipeline.adding(Raise()).adding(BreakOutput()).passes.map(\.name) == ["break_output", "lower", "raise"])
        }
        #expect(throws: InputError.self) { try Pipeline([Lower()]).adding(Lower()) }
        let result = try optimize(parsed(), options: PipelineOptions(disabledPasses: ["lower"], addedPasses: [Lower()]))
        #expect(result.statistics.map(\.pass).contains("lower") && result.graph.order.map { result.graph[$0].op.name }.contains("silu"))
        #expect(try optimize(parsed(), level: .o0, options: PipelineOptions(addedPasses: [Lower()])).statistics.isEmpty)
    }

    @Test func refusesPassesThatUndoEachOther() throws {
        let pipeline = try Pipeline([Lower(), Raise()])
        #expect { try pipeline.run(parsed()) } throws: { "\($0)".contains("do not come to rest") }
    }

    @Test func verifiesAfterEachPass() throws {
        let graph = try GraphParser.parse(
            "graph g { input %x : f32[2] %y = silu(%x) : f32[2] output y = %y }", registry: .standard)
        let pipeline = try Pipeline([BreakOutput()])
        #expect { try pipeline.run(graph, options: PipelineOptions(verifies: true)) } throws: {
            "\($0)".contains("after break_output") && "\($0)".contains("outputs changed")
        }
    }

    @Test func keepsStatisticsAndALog() throws {
        let pipeline = try Pipeline([EliminateCommonSubexpressions(), Lower()])
        let result = try pipeline.run(parsed())
        #expect(result.graph.nodeCounts == ["gelu": 1, "add": 1])
        #expect(result.statistics.map(\.pass) == ["eliminate_common_subexpressions", "lower"])
        #expect(result.statistics.map(\.rewrites) == [1, 1])
        #expect(result.statistics.map(\.runs) == [2, 2])
        #expect(result.statistics.map(\.nodesRemoved) == [1, 0])
        #expect(
            result.log.map { "\($0.number) \($0.pass): \($0.before) -> \($0.after)" } == [
                "1 eliminate_common_subexpressions: [%b (silu)] -> []", "2 lower: [%a (silu)] -> [%a (gelu)]",
            ])
        #expect(result.graph.text.contains("%a = gelu(%x) : f32[2, 3] from %a, %b"))
    }

    @Test func stopsAfterSomeRewrites() throws {
        let pipeline = try Pipeline([Lower()])
        for count in 0...3 {
            let result = try pipeline.run(parsed(), options: PipelineOptions(stopAfter: count))
            #expect(result.log.count == min(count, 2))
            #expect(result.graph.nodeCounts["gelu"] ?? 0 == min(count, 2))
        }
    }

    @Test func leavesOutPasses() throws {
        let pipeline = Pipeline.standard()
        let options = PipelineOptions(disabledPasses: ["eliminate_common_subexpressions"])
        #expect(try pipeline.run(parsed()).graph.order.count == 2)
        #expect(try pipeline.run(parsed(), options: options).graph.order.count == 3)
        #expect { try pipeline.run(parsed(), options: PipelineOptions(disabledPasses: ["fuse_all"])) } throws: {
            "\($0)".contains("there is no pass 'fuse_all'") && "\($0)".contains("fuse_attention")
        }
    }

    @Test func tellsAnObserverOfEachPass() throws {
        final class Seen: @unchecked Sendable { var lines: [String] = [] }
        let seen = Seen()
        let options = PipelineOptions { report, graph in
            seen.lines.append("\(report.round) \(report.pass) \(report.nodesBefore) \(report.nodesAfter) \(graph.order.count)")
        }
        _ = try Pipeline([EliminateCommonSubexpressions(), Lower()]).run(parsed(), options: options)
        #expect(
            seen.lines == [
                "1 eliminate_common_subexpressions 3 2 2", "1 lower 2 2 2", "2 eliminate_common_subexpressions 2 2 2", "2 lower 2 2 2",
            ])
    }

    @Test func doesNothingAtLevelZero() throws {
        let result = try optimize(parsed(), level: .o0)
        #expect(result.graph.text == text)
        #expect(OptimizationLevel(name: "o1") == .o1 && OptimizationLevel(name: "O2") == nil && OptimizationLevel.o1.name == "O1")
    }

    @Test func listsAllPasses() {
        let entries = PassRegistry.entries
        #expect(entries.map(\.order) == Array(1...entries.count))
        #expect(Set(entries.map(\.name)).isSuperset(of: ["fuse_attention", "split_invariant_channels", "norm_on_load"]))
        for entry in entries {
            #expect(!entry.summary.isEmpty && entry.documentation.contains("becomes"), "\(entry.name) is not documented")
            #expect(entry.name.allSatisfy { $0.isLowercase || $0 == "_" })
        }
    }
}
