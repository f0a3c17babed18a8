import DeblurDiff
import Files
import Foundation
import HTTPTypes
import Hummingbird
import Images
import Jobs
import NIOCore

/// `/v1/jobs`: photographs in, results out.
struct JobRoutes: Sendable {
    let engine: JobEngine

    func add(to routes: RouterGroup<ServerContext>) {
        routes.post("jobs", use: create)
        routes.get("jobs", use: list)
        routes.get("jobs/:id", use: job)
        routes.delete("jobs/:id", use: delete)
        routes.get("jobs/:id/events") { request, context in try await JobEvents(engine: engine).response(request, try record(context)) }
        routes.get("jobs/:id/input", use: input)
        routes.get("jobs/:id/result", use: result)
        routes.get("jobs/:id/thumbnail", use: thumbnail)
        routes.get("jobs/:id/preview", use: preview)
        routes.get("jobs/:id/guidance/:step", use: guidance)
        routes.get("jobs/:id/blur-map", use: blurMap)
    }

    // MARK: Coming in

    @Sendable private func create(_ request: Request, _ context: ServerContext) async throws -> Response {
        do {
            return try await accepted(request, context)
        } catch {
            // The rest of a large body is of no use; but who sends it shall read the answer first.
            let length = request.headers[.contentLength].flatMap { Int($0) }
            let channel = context.channel
            if length.map({ $0 > 1 << 20 }) ?? true { channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) } }
            throw error
        }
    }

    private func accepted(_ request: Request, _ context: ServerContext) async throws -> Response {
        var query = try Query(request)
        let name = JobRoutes.displayName(query.take("name"))
        let requested = try RequestedOptions(request, query)
        let entry = try engine.shelf.entry(requested.model)
        let parsed = try await parsed(requested.values, entry)
        let key = request.headers[.idempotencyKey]
        guard key.map({ (1...200).contains($0.utf8.count) }) ?? true else { throw Problem(.badRequest, "the idempotency key must have 1 to 200 letters") }
        let limit = engine.settings.maxBytes
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw Upload.tooLarge(limit) }
        let (engine, client) = (engine, context.client)
        try engine.reserve()
        defer { engine.unreserve() }
        let id = JobFiles.newID()
        let job: JobRecord
        do {
            try await Offload.files {
                try engine.requireRoom(request.headers[.contentLength].flatMap { Int($0) } ?? 0)
                try engine.files.make(id)
            }
            let upload = try Upload(to: engine.files.input(id), limit: limit)
            let digest = try await upload.receive(request.body)
            let bytes = upload.byteCount
            job = try await Offload.files {
                let made = try record(id, client, name, key, entry, requested.values, parsed, digest: digest, bytes: bytes)
                return try engine.accept(made)
            }
        } catch {
            // Unless it is a job by now, which is not known only where the database failed.
            engine.discard(id)
            throw error
        }
        var response = Response(JSON: engine.document(job), status: .accepted)
        response.headers[.location] = "/v1/jobs/\(job.id)"
        return response
    }

    /// A job of an upload, whose head is read.
    private func record(
        _ id: String, _ client: String, _ name: String, _ key: String?, _ entry: ModelShelf.Entry, _ options: [String: String], _ parsed: JobOptions.Parsed,
        digest: String, bytes: Int
    ) throws -> JobRecord {
        let path = engine.files.input(id)
        let (head, codec, estimate): (PhotoHead, any ImageCodec, EstimateAnswer)
        do {
            codec = try ImageFormats.codec(ofFile: path)
            head = try PhotoHead(reading: path, limits: engine.settings.reading)
            try (parsed.format ?? codec.resultFormat).checkSize(width: head.width, height: head.height)
            estimate = try engine.estimator.estimate(head, entry, options, parsed)
        } catch let error as InputError {
            throw Problem(.unprocessableContent, error, words: engine.options.words)
        }
        guard estimate.fits else {
            throw Problem(
                .unprocessableContent,
                "\(head.width) x \(head.height) pixels take \(Units.bytes(estimate.peakBytes)) of memory, more than there is",
                advice: estimate.advice.map(engine.options.words))
        }
        let chosen = encodeJSON(options, pretty: false)
        var request = Array("\(digest) \(entry.id) \(chosen) \(name)".utf8)
        return JobRecord(
            id: id, client: client, idempotencyKey: key, request: request.withUnsafeMutableBytes { SHA256.hexDigest(of: UnsafeRawBufferPointer($0)) },
            inputDigest: digest, name: name, model: entry.id, options: chosen, state: .queued, created: Date(), width: head.width, height: head.height,
            format: codec.name.lowercased(), bytes: bytes, estimatedSeconds: estimate.seconds, estimatedBytes: estimate.peakBytes)
    }

    private func parsed(_ options: [String: String], _ entry: ModelShelf.Entry) async throws -> JobOptions.Parsed {
        let engine = engine
        return try await Offload.files {
            do { return try engine.options.parsed(options, entry.model).parsed } catch let error as InputError {
                throw Problem(.badRequest, error, words: engine.options.words)
            }
        }
    }

    /// What a client calls a photograph: for people alone, never a path.
    static func displayName(_ name: String?) -> String {
        let last = (name ?? "").split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        let plain = last.printable
        return plain.isEmpty ? "photograph" : String(plain.prefix(200))
    }

    // MARK: What became of them

    private func record(_ context: ServerContext) async throws -> JobRecord {
        let (engine, id) = (engine, try context.parameters.require("id"))
        guard let job = try await Offload.files({ try engine.store.job(id) }) else { throw Problem(.notFound, "there is no such job") }
        return job
    }

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        var query = try Query(request)
        let limit = try query.number("limit", in: 1...200) ?? 50
        let (before, wanted) = (query.take("before"), query.take("state"))
        try query.end()
        let state = try wanted.map { text in
            guard let state = JobState(rawValue: text) else {
                throw Problem(
                    .badRequest, "there is no state '\(text.printable)'", advice: "States are \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            return state
        }
        let engine = engine
        // One more shows whether there are more.
        let jobs = try await Offload.files { try engine.store.jobs(limit: limit + 1, before: before, state: state) }
        var next: String?
        if jobs.count > limit { next = "/v1/jobs?limit=\(limit)&before=\(jobs[limit - 1].id)" + (state.map { "&state=\($0.rawValue)" } ?? "") }
        return Response(JSON: JobsAnswer(jobs: jobs.prefix(limit).map(engine.document), next: next))
    }

    @Sendable private func job(_ request: Request, _ context: ServerContext) async throws -> Response {
        Response(JSON: engine.document(try await record(context)))
    }

    @Sendable private func delete(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (engine, id) = (engine, try context.parameters.require("id"))
        guard let cancelled = try await Offload.files({ try engine.cancelOrForget(id) }) else { return Response(status: .noContent) }
        return Response(JSON: engine.document(cancelled))
    }

    // MARK: Pictures

    @Sendable private func input(_ request: Request, _ context: ServerContext) async throws -> Response {
        let job = try await record(context)
        return try await picture(request, context, engine.files.input(job.id), name: job.name, format: job.format)
    }

    @Sendable private func result(_ request: Request, _ context: ServerContext) async throws -> Response {
        let job = try await record(context)
        guard job.state == .done, let file = job.resultFile else { throw Problem(.notFound, "the job has no result", advice: "It is \(job.state.rawValue).") }
        return try await picture(request, context, engine.files.result(job.id, named: file), name: job.resultName, format: job.resultFormat ?? "")
    }

    /// A file as it is, or as a JPEG for browsers.
    private func picture(_ request: Request, _ context: ServerContext, _ path: String, name: String, format: String) async throws -> Response {
        var query = try Query(request)
        let isAttachment = try query.flag("download")
        let (wanted, longest) = (query.take("format"), try query.number("max", in: 16...16384))
        try query.end()
        guard wanted == nil || wanted == "jpeg" else { throw Problem(.badRequest, "'format' can only be jpeg here") }
        guard wanted != nil || longest == nil else { throw Problem(.badRequest, "'max' is for 'format=jpeg'") }
        guard wanted != nil else {
            guard FileStatus(path) != nil else { throw Problem.notFound }
            let body = try await FileIO().loadFile(path: path, context: context)
            return JobRoutes.response(body, type: "image/\(format)", name: name, isAttachment: isAttachment)
        }
        let limits = engine.settings.reading
        let bytes = try await Offload.pictures {
            do { return try Photo(reading: path, limits: limits).forBrowsers(longest: longest ?? 8192) } catch let error as InputError {
                throw Problem(.unprocessableContent, error) { $0 }
            }
        }
        return JobRoutes.response(ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)), type: "image/jpeg", name: name + ".jpg", isAttachment: isAttachment)
    }

    private static func response(_ body: ResponseBody, type: String, name: String, isAttachment: Bool) -> Response {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        let encoded = name.addingPercentEncoding(withAllowedCharacters: plain) ?? "photograph"
        var response = Response(status: .ok, body: body)
        response.headers[.contentType] = type
        response.headers[.contentDisposition] = "\(isAttachment ? "attachment" : "inline"); filename*=UTF-8''\(encoded)"
        response.headers[.cacheControl] = "private, max-age=3600"
        return response
    }

    @Sendable private func thumbnail(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (engine, job) = (engine, try await record(context))
        let path = try await Offload.pictures {
            do { return try engine.thumbnail(job.id) } catch let error as InputError {
                throw Problem(.unprocessableContent, error, words: engine.options.words)
            }
        }
        return try await file(path, "image/jpeg", context)
    }

    @Sendable private func guidance(_ request: Request, _ context: ServerContext) async throws -> Response {
        let job = try await record(context)
        guard let step = context.parameters.get("step").flatMap({ Int($0) }), job.guidanceSteps.contains(step) else {
            throw Problem(
                .notFound, "there is no guidance of this step", advice: "There is of jobs with the option '\(Explanation.option)', at the steps that they list."
            )
        }
        return try await file(engine.files.result(job.id, named: Explanation.guidanceFile(step)), "image/jpeg", context)
    }

    @Sendable private func blurMap(_ request: Request, _ context: ServerContext) async throws -> Response {
        let job = try await record(context)
        guard !job.guidanceSteps.isEmpty else {
            throw Problem(.notFound, "there is no blur map", advice: "There is of jobs with the option '\(Explanation.option)'.")
        }
        return try await file(engine.files.result(job.id, named: Explanation.blurMapFile), "image/png", context)
    }

    private func file(_ path: String, _ type: String, _ context: ServerContext) async throws -> Response {
        JobRoutes.response(try await FileIO().loadFile(path: path, context: context), type: type, name: FilePath.name(of: path), isAttachment: false)
    }

    @Sendable private func preview(_ request: Request, _ context: ServerContext) async throws -> Response {
        let job = try await record(context)
        guard let bytes = engine.preview(job.id) else { throw Problem(.notFound, "there is no preview", advice: "There is one while the job's steps run.") }
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        response.headers[.contentType] = "image/jpeg"
        return response
    }
}

extension Response {
    /// An answer in JSON.
    init(JSON value: some Encodable, status: HTTPResponse.Status = .ok) {
        self.init(status: status, body: ResponseBody(byteBuffer: ByteBuffer(string: encodeJSON(value, pretty: false))))
        headers[.contentType] = "application/json"
    }
}
