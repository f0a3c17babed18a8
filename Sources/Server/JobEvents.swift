import Files
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// `/v1/jobs/{id}/events`: what happens to a job, as server-sent events.
struct JobEvents: Sendable {
    let engine: JobEngine
    /// Seconds after which a line says that the stream is alive.
    var keepAlive = 15.0

    func response(_ request: Request, _ job: JobRecord) async throws -> Response {
        let hub = engine.hub
        // Before the state is looked up, so that nothing falls between.
        let wakes = hub.wakes(for: job.id, every: keepAlive)
        let known = request.headers[.lastEventID].flatMap { Int($0) }.flatMap { hub.knows($0) ? $0 : nil }
        let engine = engine
        let keepAlive = keepAlive
        let body = ResponseBody { writer in
            var last = known ?? hub.start(of: job.id)
            var written = ContinuousClock.now
            func write(_ text: String) async throws {
                try await writer.write(ByteBuffer(string: text))
                written = .now
            }
            /// The job as it is now; what had happened before is known by it.
            func writeState() async throws -> Bool {
                guard let job = try await Offload.files({ try engine.store.job(job.id) }) else { return true }
                try await write(JobEvents.text("\(last)", "state", encodeJSON(engine.document(job), pretty: false)))
                return job.state.hasEnded
            }
            var hasEnded = false
            if known == nil || hub.events(of: job.id, after: last) == nil { hasEnded = try await writeState() }
            var iterator = wakes.makeAsyncIterator()
            while !hasEnded {
                if let events = hub.events(of: job.id, after: last) {
                    for event in events {
                        try await write(JobEvents.text("\(event.id)", event.kind.rawValue, event.data))
                        last = event.id
                        hasEnded = event.isLast
                    }
                } else {
                    last = hub.start(of: job.id)
                    hasEnded = try await writeState()
                }
                guard !hasEnded, await iterator.next() != nil else { break }
                if written.duration(to: .now) >= .seconds(keepAlive) { try await write(": keep\n\n") }
            }
            try await writer.finish(nil)
        }
        var response = Response(status: .ok, body: body)
        response.headers[.contentType] = "text/event-stream"
        response.headers[HTTPField.Name("X-Accel-Buffering")!] = "no"
        return response
    }

    /// JSON has no line ends of its own.
    private static func text(_ id: String, _ kind: String, _ data: String) -> String { "id: \(id)\nevent: \(kind)\ndata: \(data)\n\n" }
}
