import Foundation
import GraphIR
import GraphRuntime
import GraphViews
import Testing

@Suite struct PageTests {
    /// The page of a graph with everything that a page can show.
    private func fullPage(_ graph: Graph) throws -> GraphPage {
        let (fused, passes, rewrites) = try Samples.withFusedNorms(graph)
        let recorder = ProfileRecorder()
        let program = try Samples.program(fused)
        _ = try program.run(Samples.inputs(fused), in: Workspace(), observer: recorder.observer(of: program))
        var dump = GraphDump(program.plan, profile: recorder.report())
        dump.before = (graph, "imported")
        dump.passes = passes
        dump.rewrites = rewrites
        return dump.page(title: "A <title> & more")
    }

    /// The data that the page carries, as its script reads it.
    private func data(of html: String) throws -> [String: Any] {
        let start = try #require(html.range(of: "<script type=\"application/json\" id=\"data\">"))
        let end = try #require(html.range(of: "</script>", range: start.upperBound..<html.endIndex))
        let json = Data(html[start.upperBound..<end.lowerBound].utf8)
        return try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    }

    private func names(_ page: [String: Any]) throws -> [[String]] {
        try #require(page["graphs"] as? [[String: Any]]).map { graph in
            try #require(graph["nodes"] as? [[String: Any]]).map { try #require($0["name"] as? String) }
        }
    }

    @Test func carriesEveryNode() throws {
        let graph = try Samples.small()
        let page = try data(of: fullPage(graph).html())
        #expect(try names(page)[0] == graph.order.map(graph.name))
        #expect(try names(page)[1].count == 3)
        #expect(page["memory"] != nil && page["summary"] != nil)
        #expect((page["passes"] as? [Any])?.count == 2 && (page["rewrites"] as? [Any])?.count == 1)
        #expect(page["title"] as? String == "A <title> & more")
    }

    @Test func noNameEndsTheData() throws {
        let graph = try DocumentTests.hostileGraph()
        let html = GraphPage(title: "</title><script>alert(1)</script>", graphs: [GraphDocument(graph, stage: "imported")]).html()
        #expect(try names(data(of: html)) == [graph.order.map(graph.name)])
        // Two elements of the page's own, and no more.
        #expect(html.components(separatedBy: "<script").count == 3)
        #expect(html.components(separatedBy: "</script").count == 3)
        let hasImage = html.contains("<img")
        #expect(!hasImage)
        #expect(html.components(separatedBy: "</title>").count == 2)
    }

    @Test func loadsNothing() throws {
        let html = try fullPage(Samples.small()).html()
        let hasPolicy = html.contains("default-src 'none'")
        #expect(hasPolicy)
        for word in ["http://", "https://", "url(", "import(", "src=", "href=", "innerHTML", "eval("] {
            let isThere = html.contains(word)
            #expect(!isThere, "the page holds '\(word)'")
        }
    }

    @Suite(.enabled(if: Tool.browser != nil), .serialized) struct InABrowser {
        /// The page as it is after its script has run.
        private func open(_ page: GraphPage, _ address: String) throws -> String {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("graph-views-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appendingPathComponent("page.html")
            try page.html().write(to: file, atomically: true, encoding: .utf8)
            let escaped = address.addingPercentEncoding(withAllowedCharacters: .urlFragmentAllowed)!
            return try Tool.run(
                Tool.browser!,
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder.path)/profile", "--window-size=1200,800",
                    "--virtual-time-budget=3000", "--dump-dom", "\(file.absoluteString)#\(escaped)",
                ])
        }

        /// The attributes of the root element, where the page tells how it went.
        private func root(_ dom: String) -> Substring {
            let start = dom.range(of: "<html")?.lowerBound ?? dom.startIndex
            return dom[start..<(dom[start...].firstIndex(of: ">") ?? dom.endIndex)]
        }

        @Test(arguments: ["", "tab=summary", "tab=passes", "tab=memory", "tab=schedule", "theme=dark&color=seconds&open=all", "open=none&show=before"])
        func opens(address: String) throws {
            let dom = try open(PageTests().fullPage(Samples.small()), address)
            #expect(root(dom).contains("data-ready=\"yes\"") && !root(dom).contains("data-error"), "\(root(dom))")
            let hasTitle = dom.contains("<h1 id=\"title\">A &lt;title&gt; &amp; more</h1>")
            #expect(hasTitle)
        }

        @Test(arguments: [
            ("net.blocks.0.conv2d", "net.blocks.0.conv2d"), ("CONV2D", "net.blocks.0.conv2d"), ("norm.bias", "net.blocks.0.silu"),
            ("blocks group_norm", "net.blocks.0.group_norm"),
        ]) func finds(text: String, name: String) throws {
            let dom = try open(PageTests().fullPage(Samples.small()), "search=\(text)")
            #expect(root(dom).contains("data-found=\"\(name)\""))
            let isShown = dom.contains("data-selected=\"\(name)\"")
            #expect(isShown, "the panel shows it")
        }

        @Test func findsNothing() throws {
            let dom = try open(PageTests().fullPage(Samples.small()), "search=nowhere")
            #expect(root(dom).contains("data-found=\"\"") && root(dom).contains("data-ready=\"yes\""))
        }

        @Test func showsTheTables() throws {
            let page = try PageTests().fullPage(Samples.small())
            for (tab, text) in [
                ("schedule", "3 steps"), ("memory", "lower bound"), ("passes", "Folds a SiLU into the group norm that feeds it."),
                ("summary", "group_norm + silu → group_norm"),
            ] {
                let isShown = try open(page, "tab=\(tab)").contains(text)
                #expect(isShown, "the tab \(tab) shows '\(text)'")
            }
        }

        @Test func runsNothingFromNames() throws {
            let graph = try DocumentTests.hostileGraph()
            for name in DocumentTests.hostileNames.prefix(3) + ["two\nlines"] {
                let page = GraphPage(title: name, graphs: [GraphDocument(graph, stage: "imported")])
                let dom = try open(page, "tab=graph&select=\(name)")
                #expect(root(dom).contains("data-ready=\"yes\""))
                let isSelected = dom.contains("data-selected=")
                #expect(isSelected)
                #expect(!root(dom).contains("data-stolen") && !root(dom).contains("data-error"))
                let hasImage = dom.contains("<img")
                #expect(!hasImage)
            }
        }
    }
}
