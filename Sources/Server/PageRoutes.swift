import DeblurDiff
import Files
import GraphViews
import HTTPTypes
import Hummingbird

/// The page, and all that it loads; and the model's graphs.
struct PageRoutes: Sendable {
    let shelf: ModelShelf

    /// Address, kind and bytes of each file.
    private static let files: [(path: String, type: String, bytes: [UInt8])] =
        [
            ("", "text/html; charset=utf-8", PackageResources.page_html), ("page.css", "text/css; charset=utf-8", PackageResources.page_css),
            ("favicon.svg", "image/svg+xml", PackageResources.favicon_svg), ("openapi.json", "application/json", PackageResources.openapi_json),
        ] + scripts.map { ("\($0).js", "text/javascript; charset=utf-8", $1) }

    private static let scripts = [
        ("api", PackageResources.api_js), ("dialogs", PackageResources.dialogs_js), ("list", PackageResources.list_js), ("main", PackageResources.main_js),
        ("options", PackageResources.options_js), ("pictures", PackageResources.pictures_js), ("stage", PackageResources.stage_js),
        ("store", PackageResources.store_js),
        ("strip", PackageResources.strip_js), ("tray", PackageResources.tray_js), ("viewer", PackageResources.viewer_js), ("words", PackageResources.words_js),
    ]

    func add(to router: Router<ServerContext>) {
        for file in PageRoutes.files {
            router.get(RouterPath(file.path)) { _, _ in
                PageRoutes.response(file.bytes, type: file.type)
            }
        }
        router.get("graphs") { _, _ in PageRoutes.response(Array(list.utf8), type: "text/html; charset=utf-8") }
        router.get("graphs/:model/:graph", use: graph)
    }

    private static func response(_ bytes: [UInt8], type: String) -> Response {
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        response.headers[.contentType] = type
        // A new version of the server has a new page.
        response.headers[.cacheControl] = "no-cache"
        return response
    }

    /// Without any script or style of its own.
    private var list: String {
        let models = shelf.entries.map { entry in
            let links = entry.model.graphNames.map { "<li><a href=\"/graphs/\(entry.id)/\($0)\">\($0)</a></li>" }.joined()
            return "<h2>\(entry.id)</h2><ul>\(links)</ul>"
        }
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>DeblurDiff: graphs</title>\
            <link rel="stylesheet" href="/page.css"></head><body><main><h1>Graphs</h1><p><a href="/">Restore photographs</a></p>\(models.joined())</main></body></html>
            """
    }

    @Sendable private func graph(_ request: Request, _ context: ServerContext) async throws -> Response {
        let name = try context.parameters.require("graph")
        guard let entry = shelf.entries.first(where: { $0.id == context.parameters.get("model") }), entry.model.graphNames.contains(name) else {
            throw Problem.notFound
        }
        let (model, last) = (entry.model, entry.profile.withLock { $0 })
        // The last part is the decoder by another name.
        let program = name == "epilogue" ? "vae_decoder" : name
        let profile = last.flatMap { last in last.report.programs.contains { $0.program == program } ? last.report : nil }
        let html = try await Offload.pictures {
            let stages = try model.stages(of: name, height: last?.height ?? 512, width: last?.width ?? 512)
            var dump = GraphDump(try model.plan(stages.optimized), profile: profile)
            dump.programName = program
            dump.before = (stages.imported, "imported")
            dump.passes = stages.statistics.map(PassSummary.init)
            dump.rewrites = stages.log.map(RewriteRecord.init)
            return dump.text(as: .html, title: "\(name), \(profile == nil ? "scheduled" : "profiled")")
        }
        var response = PageRoutes.response(Array(html.utf8), type: "text/html; charset=utf-8")
        // The page's own policy says by its digest which script may run.
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return response
    }
}
