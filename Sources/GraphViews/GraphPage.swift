import Files
import Foundation
import Tensors

/// One file to open in a browser: a graph, or two stages of it side by side, the passes, the memory plan and the schedule.
///
/// The file stands alone: it loads nothing, and its security policy forbids it to. Names come from model files, so they
/// reach the page only as JSON data that the script puts in as text.
public struct GraphPage: Sendable {
    public var title: String
    /// One graph, or two: before and after.
    public var graphs: [GraphDocument]
    public var passes: [PassSummary]
    public var rewrites: [RewriteRecord]
    public var memory: MemoryPicture?
    public var summary: GraphSummary?

    public init(
        title: String, graphs: [GraphDocument], passes: [PassSummary] = [], rewrites: [RewriteRecord] = [], memory: MemoryPicture? = nil,
        summary: GraphSummary? = nil
    ) {
        precondition((1...2).contains(graphs.count), "a page shows one graph or two")
        self.title = title
        self.graphs = graphs
        self.passes = passes
        self.rewrites = rewrites
        self.memory = memory
        self.summary = summary
    }

    private struct Payload: Encodable {
        var title: String
        var graphs: [GraphDocument]
        var passes: [PassSummary]
        var rewrites: [RewriteRecord]
        var memory: MemoryPicture?
        var summary: GraphSummary?
    }

    public func html() -> String {
        let payload = Payload(title: title, graphs: graphs, passes: passes, rewrites: rewrites, memory: memory, summary: summary)
        let script = "\"use strict\";\n" + GraphPage.scripts.map { GraphPage.text($0) }.joined(separator: "\n")
        let parts = [
            "TITLE": GraphPage.escapedMarkup(title), "POLICY": GraphPage.policy(script: script), "STYLE": GraphPage.text(PackageResources.page_css),
            "DATA": GraphPage.escapedData(encodeJSON(payload, pretty: false)), "SCRIPT": script,
        ]
        // Split at the placeholders rather than replaced one after the other: what is filled in is never looked at again.
        let pieces = GraphPage.text(PackageResources.page_html).components(separatedBy: "@@")
        return pieces.enumerated().map { index, piece in index % 2 == 0 ? piece : parts[piece]! }.joined()
    }

    private static var scripts: [[UInt8]] {
        [
            PackageResources.data_js, PackageResources.layout_js, PackageResources.pane_js, PackageResources.panel_js,
            PackageResources.memory_js, PackageResources.tables_js, PackageResources.main_js,
        ]
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Nothing may be fetched, and no script may run but the page's own.
    private static func policy(script: String) -> String {
        var bytes = Array("\n\(script)\n".utf8)
        let digest = bytes.withUnsafeMutableBytes { SHA256.hexDigest(of: UnsafeRawBufferPointer($0)) }
        let raw = stride(from: 0, to: digest.count, by: 2).map { position -> UInt8 in
            let start = digest.index(digest.startIndex, offsetBy: position)
            return UInt8(digest[start..<digest.index(start, offsetBy: 2)], radix: 16)!
        }
        return "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-\(Data(raw).base64EncodedString())'; base-uri 'none'; form-action 'none'"
    }

    /// JSON that no HTML parser takes for the end of the element that holds it.
    static func escapedData(_ json: String) -> String {
        json.replacing("<", with: "\\u003c").replacing("\u{2028}", with: "\\u2028").replacing("\u{2029}", with: "\\u2029")
    }

    static func escapedMarkup(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
