import DeblurDiff
import Files
import Foundation
import HTTPTypes
import Hummingbird
import Images
import Jobs

/// `/v1`: what the server can do, and what that takes.
struct InfoRoutes: Sendable {
    let engine: JobEngine

    func add(to routes: RouterGroup<ServerContext>) {
        routes.get("models") { _, _ in Response(JSON: ModelsAnswer(models: engine.shelf.descriptions)) }
        routes.get("capabilities") { _, _ in Response(JSON: capabilities) }
        routes.get("estimate", use: estimate)
    }

    private var capabilities: CapabilitiesAnswer {
        let (settings, options) = (engine.settings, engine.options)
        return CapabilitiesAnswer(
            program: options.program, reads: ImageFormats.all.map { $0.name.lowercased() }, writes: ImageFormats.writable.map { $0.name.lowercased() },
            limits: CapabilitiesAnswer.Limits(bytes: settings.maxBytes, pixels: settings.reading.pixelCount, queue: settings.maxQueue),
            options: options.descriptions + [Explanation.description], presets: options.presets)
    }

    @Sendable private func estimate(_ request: Request, _ context: ServerContext) async throws -> Response {
        var query = try Query(request)
        let sides = 1...Photo.maximumDimension
        guard let width = try query.number("width", in: sides), let height = try query.number("height", in: sides) else {
            throw Problem(.badRequest, "'width' and 'height' of the photograph are needed")
        }
        guard width * height <= engine.settings.reading.pixelCount else {
            throw Problem(.unprocessableContent, "the photograph has too many pixels", advice: "At most \(engine.settings.reading.pixelCount) are accepted.")
        }
        let requested = try RequestedOptions(request, query)
        let (engine, entry) = (engine, try engine.shelf.entry(requested.model))
        let answer = try await Offload.files {
            do {
                let parsed = try engine.options.parsed(requested.values, entry.model).parsed
                return try engine.estimator.estimate(PhotoHead(width: width, height: height), entry, requested.values, parsed)
            } catch let error as InputError {
                throw Problem(.badRequest, error, words: engine.options.words)
            }
        }
        return Response(JSON: answer)
    }
}

/// For who watches over the server.
struct HealthRoutes: Sendable {
    let engine: JobEngine

    func add(to router: Router<ServerContext>) {
        router.get("healthz") { _, _ in HealthRoutes.text("ok\n") }
        router.get("readyz") { _, _ in
            let engine = engine
            do { _ = try await Offload.files { try engine.store.counts() } } catch {
                throw Problem(.serviceUnavailable, "the database does not answer")
            }
            return HealthRoutes.text("ready\n")
        }
        router.get("metrics") { _, _ in
            HealthRoutes.text(
                engine.metrics.text(
                    waiting: engine.queueCount, running: engine.runningCount, disk: engine.diskByteCount, memory: ResidentMemory.byteCount ?? 0))
        }
    }

    private static func text(_ text: String) -> Response {
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
        return response
    }
}
