import Files
import Foundation
import GraphTestSupport
import Images
import Testing

@testable import Server

/// A server over its own port, as clients see it.
@Suite(.serialized) struct ServerTests {
    /// A photograph in, its result out, with the bits that the engine makes of it alone.
    @Test func wholeCycle() async throws {
        let photo = try TestServer.photo(as: JPEGCodec())
        let expected = try TestServer.restored(photo, ["steps": "4"])
        try await withData { data in
            try await TestServer.run(data) { server in
                let posted = try await server.post(photo, "name=holiday%20%C3%BC.jpg&steps=4")
                #expect(posted.status == 202, "\(posted.text)")
                let id = try #require(posted.json["id"].text)
                #expect(posted.headers["location"] == "/v1/jobs/\(id)")
                let job = try await server.end(of: id)
                #expect(job["state"].text == "done", "\(job)")
                #expect(job["name"].text == "holiday ü.jpg" && job["result"]["name"].text == "holiday ü_restored.jpg" && job["options"]["steps"].text == "4")
                #expect(job["input"]["width"].number == 40 && job["input"]["height"].number == 24 && job["input"]["bytes"].number == photo.count)
                let result = try await server.client("GET", "/v1/jobs/\(id)/result?download=true")
                #expect(result.body == expected && result.headers["content-type"] == "image/jpeg")
                #expect(result.headers["content-disposition"] == "attachment; filename*=UTF-8''holiday%20%C3%BC_restored.jpg")
                #expect(try await server.client("GET", "/v1/jobs/\(id)/input").body == photo)
                for path in ["thumbnail", "input?format=jpeg&max=16", "result?format=jpeg"] {
                    let picture = try await server.client("GET", "/v1/jobs/\(id)/\(path)")
                    #expect(picture.status == 200 && picture.headers["content-type"] == "image/jpeg", "\(path)")
                    let head = try picture.body.withUnsafeBytes { try Photo(bytes: $0) }
                    #expect(max(head.width, head.height) == (path.contains("max") ? 16 : 40), "\(path)")
                }
                let list = try await server.client("GET", "/v1/jobs?state=done").json
                #expect(list["jobs"].elements.map { $0["id"].text } == [id] && list["next"] == .null)
                #expect(try await server.client("DELETE", "/v1/jobs/\(id)").status == 204)
                #expect(try await server.client("GET", "/v1/jobs/\(id)").status == 404)
                #expect(try FilePath.contents(of: data + "/jobs").isEmpty && FilePath.contents(of: data + "/unfinished").isEmpty)
            }
        }
    }

    /// Stopped in the middle, and gone on with by another server: the same bits as in one go, and the other jobs in their order.
    @Test func anotherServerGoesOn() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        let expected = try TestServer.restored(photo, ["steps": "1000"])
        try await withData { data in
            let ids = try await TestServer.run(data) { server in
                var ids: [String] = []
                for steps in [1000, 1, 2] { ids.append(try #require(try await server.post(photo, "steps=\(steps)").json["id"].text)) }
                try await server.reach(20, of: ids[0])
                return ids
            }
            // What it was doing is kept.
            #expect(try FilePath.contents(of: data + "/unfinished").count == 1)
            try await TestServer.run(data) { server in
                let first = try await server.end(of: ids[0])
                #expect(first["state"].text == "done", "\(first)")
                #expect(try await server.client("GET", "/v1/jobs/\(ids[0])/result").body == expected)
                for id in ids { #expect(try await server.end(of: id)["state"].text == "done") }
                let ends = try await server.client("GET", "/v1/jobs").json["jobs"].elements.map { $0["ended"].text ?? "" }
                #expect(ends == ends.sorted().reversed())
                #expect(try FilePath.contents(of: data + "/unfinished").isEmpty)
            }
        }
    }

    @Test func sameKeySameJob() async throws {
        let photo = try TestServer.photo()
        try await withData { data in
            try await TestServer.run(data) { server in
                let key = ["idempotency-key": "k1"]
                let answers = try await withThrowingTaskGroup(of: HTTPClient.Answer.self) { group in
                    for _ in 0..<8 { group.addTask { try await server.post(photo, "steps=2", key) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(Set(answers.map(\.status)) == [202] && Set(answers.map { $0.json["id"].text }).count == 1)
                #expect(try await server.client("GET", "/v1/jobs").json["jobs"].elements.count == 1)
                #expect(try await server.post(photo, "steps=3", key).status == 409)
                #expect(try await server.post(TestServer.photo(1), "steps=2", key).status == 409)
                #expect(try await server.post(photo, "steps=2").json["id"] != answers[0].json["id"])
                // What was not accepted left no files.
                #expect(try FilePath.contents(of: data + "/jobs").count == 2)
            }
        }
    }

    @Test func cancel() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        try await withData { data in
            try await TestServer.run(data) { server in
                let running = try #require(try await server.post(photo, "steps=1000").json["id"].text)
                let waiting = try await server.post(photo, "steps=1000").json
                let id = try #require(waiting["id"].text)
                #expect(waiting["state"].text == "queued" && waiting["position"].number ?? 9 <= 1)
                try await server.reach(2, of: running)
                let events = Task { try await server.client("GET", "/v1/jobs/\(running)/events").text }
                try await Task.sleep(for: .milliseconds(100))
                for job in [id, running] {
                    let cancelled = try await server.client("DELETE", "/v1/jobs/\(job)")
                    #expect(cancelled.status == 200 && cancelled.json["state"].text == "cancelled")
                }
                // Within a step the next one can have the place.
                let next = try #require(try await server.post(photo, "steps=2").json["id"].text)
                #expect(try await server.end(of: next)["state"].text == "done")
                #expect(try await events.value.contains("\"state\":\"cancelled\""))
                for job in [id, running] {
                    #expect(try await server.client("GET", "/v1/jobs/\(job)").json["state"].text == "cancelled")
                    #expect(try await server.client("GET", "/v1/jobs/\(job)/result").status == 404)
                    #expect(try await server.client("DELETE", "/v1/jobs/\(job)").status == 204)
                }
                #expect(try FilePath.contents(of: data + "/jobs") == [next] && FilePath.contents(of: data + "/unfinished").isEmpty)
            }
        }
    }

    /// Everything that is wrong with a request is said, and leaves nothing behind.
    @Test func refused() async throws {
        let photo = try TestServer.photo()
        let cut = try TestServer.photo(as: JPEGCodec()).prefix(60)
        try await withData { data in
            try await TestServer.run(data) {
                $0.maxBytes = 20_000
                $0.reading = ReadingLimits(pixelCount: 2000)
            } _: { server in
                func expect(_ status: Int, _ answer: HTTPClient.Answer, _ words: String = "", line: Int = #line) {
                    #expect(answer.status == status && (words.isEmpty || answer.text.contains(words)), "line \(line): \(answer.status) \(answer.text)")
                    #expect(answer.headers["content-type"] == "application/problem+json" && answer.json["status"].number == status, "line \(line)")
                }
                expect(400, try await server.post(photo, "steps=0"))
                expect(400, try await server.post(photo, "output=/etc/passwd"), "output")
                expect(400, try await server.post(photo, "steps=2&steps=3"), "twice")
                expect(400, try await server.post(photo, "model=none"), "tiny")
                expect(400, try await server.post(photo, "steps=%FF"))
                expect(400, try await server.post(photo, "", ["deblurdiff-options": "[1]"]))
                expect(422, try await server.post([]))
                expect(422, try await server.post(Array("GIF89a and more".utf8)), "GIF")
                expect(422, try await server.post(Array(cut)))
                expect(422, try await server.post(TestServer.photo(width: 50, height: 50, as: JPEGCodec())), "pixels")
                expect(413, try await server.post([UInt8](repeating: 1, count: 20_001)))
                let head = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
                let chunks = String(repeating: "1000\r\n" + String(repeating: "x", count: 4096) + "\r\n", count: 6) + "0\r\n\r\n"
                expect(413, try await server.client.exchange(Array((head + chunks).utf8)))
                expect(404, try await server.client("GET", "/v1/jobs/unknown"))
                expect(404, try await server.client("DELETE", "/v1/jobs/unknown"))
                expect(404, try await server.client("GET", "/v1/jobs/..%2f..%2fjobs.sqlite/input"))
                expect(404, try await server.client("GET", "/nothing"))
                expect(405, try await server.client("PUT", "/v1/jobs/some"), "DELETE, GET")
                expect(405, try await server.client("POST", "/page.css", ["origin": "http://127.0.0.1:\(server.client.port)"]), "GET")
                for query in ["limit=0", "limit=x", "state=none", "more=1"] { expect(400, try await server.client("GET", "/v1/jobs?\(query)")) }
                expect(400, try await server.client("GET", "/v1/estimate?width=10"))
                expect(422, try await server.client("GET", "/v1/estimate?width=1000&height=1000"))
                try await Task.sleep(for: .milliseconds(100))
                #expect(try FilePath.contents(of: data + "/jobs").isEmpty)
                #expect(try await server.client("GET", "/v1/jobs").json["jobs"].elements.isEmpty)
                // The options in a header.
                let accepted = try await server.post(photo, "", ["deblurdiff-options": #"{"steps": 2, "seed": 7}"#])
                #expect(accepted.status == 202 && accepted.json["options"]["seed"].text == "7")
            }
        }
    }

    /// A photograph whose head is whole and whose pixels are not.
    @Test func whatCannotBeReadFails() async throws {
        let photo = try TestServer.photo()
        try await withData { data in
            try await TestServer.run(data) { server in
                let id = try #require(try await server.post(Array(photo.prefix(photo.count / 2)), "name=cut.png").json["id"].text)
                let job = try await server.end(of: id)
                #expect(job["state"].text == "failed" && job["error"]["detail"].text?.isEmpty == false, "\(job)")
                #expect(!"\(job)".contains(data))
                #expect(try await server.client("GET", "/v1/jobs/\(id)/thumbnail").status == 422)
                // And the next one is none the worse for it.
                #expect(try await server.end(of: #require(try await server.post(photo, "steps=1").json["id"].text))["state"].text == "done")
            }
        }
    }

    @Test func fullQueue() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        try await withData { data in
            try await TestServer.run(data) {
                $0.maxQueue = 2
            } _: { server in
                var answers: [HTTPClient.Answer] = []
                for _ in 0..<5 { answers.append(try await server.post(photo, "steps=1000")) }
                let refused = answers.filter { $0.status == 429 }
                #expect((2...3).contains(refused.count) && answers.count { $0.status == 202 } == 5 - refused.count)
                #expect(refused.allSatisfy { Int($0.headers["retry-after"] ?? "") ?? 0 > 0 })
                for job in answers where job.status == 202 { _ = try await server.client("DELETE", "/v1/jobs/\(job.json["id"].text!)") }
            }
        }
    }

    @Test func namesAreNeverPaths() async throws {
        let photo = try TestServer.photo()
        let names = [
            "../../../etc/passwd", "/etc/passwd", "..", "a\\b\\c.png", "x%00y", "%1b%5B31mred.png", ".", "%E2%80%AEgnp.exe",
            String(repeating: "n", count: 3000),
        ]
        try await withData { data in
            try await TestServer.run(data) { server in
                for name in names {
                    let answer = try await server.post(photo, "steps=1&name=\(name)")
                    guard answer.status == 202 else {
                        #expect(answer.status == 400 && name.contains("%00"))
                        continue
                    }
                    let job = try await server.end(of: #require(answer.json["id"].text))
                    let shown = try #require(job["name"].text)
                    #expect(job["state"].text == "done" && !shown.contains("/") && !shown.contains("\\\\") && shown.count <= 200)
                    #expect(shown.unicodeScalars.allSatisfy { $0.isPrintable })
                    let files = try FilePath.contents(of: "\(data)/jobs/\(job["id"].text!)")
                    #expect(Set(files).isSubset(of: ["input", "result.png", "thumbnail.jpg"]))
                }
                #expect(try FilePath.contents(of: FilePath.folder(of: data)) == ["data"])
            }
        }
    }

    @Test func guards() async throws {
        let photo = try TestServer.photo()
        try await withData { data in
            try await TestServer.run(data) {
                $0.token = "secret-token"
                $0.origins = ["https://friend.example"]
                $0.names = ["deblur.example"]
            } _: { server in
                let token = ["authorization": "Bearer secret-token"]
                func status(_ method: String, _ path: String, _ headers: [String: String]) async throws -> Int {
                    try await server.client(method, path, headers, body: method == "POST" ? photo : []).status
                }
                for path in ["/v1/jobs", "/metrics", "/graphs", "/v1/models"] {
                    #expect(try await status("GET", path, [:]) == 401)
                    #expect(try await status("GET", path, ["authorization": "Bearer secret-tokem"]) == 401)
                    #expect(try await status("GET", path, ["authorization": "Bearer secret-token2"]) == 401)
                    #expect(try await status("GET", path, token) == 200)
                }
                for path in ["/", "/page.css", "/openapi.json", "/healthz", "/readyz"] { #expect(try await status("GET", path, [:]) == 200) }
                for (host, expected) in [
                    ("evil.example", 403), ("evil.example:\(server.client.port)", 403), ("localhost:1", 200), ("[::1]:80", 200), ("DEBLUR.example", 200),
                ] {
                    #expect(try await status("GET", "/v1/jobs", token.merging(["host": host]) { $1 }) == expected, "\(host)")
                }
                for (origin, expected) in [
                    ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:\(server.client.port)", 202), ("https://friend.example", 202),
                ] {
                    #expect(try await status("POST", "/v1/jobs?steps=1", token.merging(["origin": origin]) { $1 }) == expected, "\(origin)")
                }
                let shared = try await server.client("GET", "/v1/jobs", token.merging(["origin": "https://friend.example"]) { $1 })
                #expect(shared.headers["access-control-allow-origin"] == "https://friend.example")
                let strange = try await server.client("GET", "/v1/jobs", token.merging(["origin": "https://evil.example"]) { $1 })
                #expect(strange.headers["access-control-allow-origin"] == nil)
                let page = try await server.client("GET", "/")
                #expect(page.headers["content-security-policy"] == SecurityHeaders.policy && page.headers["x-content-type-options"] == "nosniff")
                #expect(!SecurityHeaders.policy.contains("unsafe"))
            }
        }
    }

    @Test func anotherAddressNeedsAToken() throws {
        var settings = ServerSettings(data: "/nowhere")
        #expect(throws: Never.self) { try settings.check() }
        settings.host = "0.0.0.0"
        #expect(throws: InputError.self) { try settings.check() }
        settings.token = "short"
        #expect(throws: InputError.self) { try settings.check() }
        settings.token = "long enough"
        #expect(throws: InputError.self) { try settings.check() }
        settings.token = "long-enough"
        #expect(throws: Never.self) { try settings.check() }
    }

    @Test func oneServerAFolder() async throws {
        try await withData { data in
            try await TestServer.run(data) { _ in
                _ = await #expect(throws: InputError.self) { try await TestServer.run(data) { _ in } }
            }
        }
    }

    @Test func events() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        try await withData { data in
            try await TestServer.run(data) { server in
                let id = try #require(try await server.post(photo, "steps=60").json["id"].text)
                let text = try await server.client("GET", "/v1/jobs/\(id)/events")
                #expect(text.headers["content-type"] == "text/event-stream")
                let events = Event.all(text.text)
                #expect(events.first?.kind == "state" && events.last?.kind == "state" && events.last?.data["state"].text == "done")
                #expect(Set(events.map(\.kind)) == ["state", "progress", "preview"])
                let numbers = events.compactMap { Int($0.id) }
                #expect(numbers.count == events.count && numbers == numbers.sorted() && Set(numbers).count == numbers.count)
                let steps = events.filter { $0.kind == "progress" }.compactMap { $0.data["step"].number }
                #expect(steps == steps.sorted() && Set(steps).count > 5)
                let preview = try #require(events.last { $0.kind == "preview" }?.data["data"].text.flatMap { Data(base64Encoded: $0) })
                #expect(try preview.withUnsafeBytes { try Photo(bytes: $0) }.width <= 512)
                // Who comes later, or again, is told how it ended.
                for headers in [[:], ["last-event-id": "\(numbers[2])"], ["last-event-id": "17"], ["last-event-id": "nonsense"]] {
                    let again = Event.all(try await server.client("GET", "/v1/jobs/\(id)/events", headers).text)
                    #expect(again.map(\.kind) == ["state"] && again.last?.data["state"].text == "done", "\(headers)")
                }
            }
        }
    }

    /// Who comes back in the middle gets what came after the last event that was read.
    @Test func eventsAfterTheLast() {
        let hub = EventHub(generation: 3)
        let first = hub.start(of: "a")
        hub.publish(.state, of: "a", "1")
        hub.publish(.progress, of: "a", "2")
        hub.publish(.progress, of: "a", "3")
        hub.publish(.preview, of: "a", "4")
        let all = hub.events(of: "a", after: first)
        // Only the latest progress counts.
        #expect(all?.map(\.data) == ["1", "3", "4"])
        #expect(hub.events(of: "a", after: all![1].id)?.map(\.data) == ["4"])
        #expect(hub.events(of: "a", after: hub.start(of: "a"))?.map(\.data) == ["4"])
        #expect(hub.knows(all![0].id) && !hub.knows(first - 1 << 32) && !hub.knows(17))
        for number in 0..<40 { hub.publish(.state, of: "a", "\(number)") }
        #expect(hub.events(of: "a", after: first) == nil)
        hub.end("a")
        #expect(hub.events(of: "a", after: all![0].id) == nil)
        #expect(EventHub(generation: 4).start(of: "a") > hub.start(of: "a"))
    }

    @Test func whatIsOldGoes() async throws {
        let photo = try TestServer.photo()
        try await withData { data in
            try await TestServer.run(data) {
                $0.keepSeconds = 1000
                $0.maxDisk = 40_000
            } _: { server in
                var ids: [String] = []
                for number in 0..<4 {
                    ids.append(try #require(try await server.post(TestServer.photo(number), "steps=1").json["id"].text))
                    _ = try await server.end(of: ids[number])
                }
                let engine = server.server.engine
                engine.sweep()
                let kept = try await server.client("GET", "/v1/jobs").json["jobs"].elements.compactMap { $0["id"].text }
                // The newest stay, as many as there is room for.
                #expect(engine.diskByteCount <= 40_000 && !kept.isEmpty && kept == ids.suffix(kept.count).reversed())
                engine.sweep(now: Date(timeIntervalSinceNow: 999))
                #expect(try await server.client("GET", "/v1/jobs").json["jobs"].elements.count == kept.count)
                engine.sweep(now: Date(timeIntervalSinceNow: 1001))
                #expect(try await server.client("GET", "/v1/jobs").json["jobs"].elements.isEmpty)
                #expect(try FilePath.contents(of: data + "/jobs").isEmpty && engine.diskByteCount == 0)
                let large = [UInt8](repeating: 1, count: 50_000)
                #expect(try await server.post(large).status == 507)
                #expect(try await server.post(photo, "steps=1").status == 202)
            }
        }
    }

    /// Two at a time have the bits that they have alone.
    @Test func parallel() async throws {
        let photos = try (0..<6).map { try TestServer.photo($0, width: $0 % 2 == 0 ? 64 : 40) }
        let expected = try photos.map { try TestServer.restored($0, ["steps": "10"]) }
        try await withData { data in
            try await TestServer.run(data) {
                $0.parallel = 2
            } _: { server in
                var ids: [String] = []
                for photo in photos { ids.append(try #require(try await server.post(photo, "steps=10").json["id"].text)) }
                for (id, expected) in zip(ids, expected) {
                    #expect(try await server.end(of: id)["state"].text == "done")
                    #expect(try await server.client("GET", "/v1/jobs/\(id)/result").body == expected)
                }
            }
        }
    }

    /// With pictures that explain it, a result is the same.
    @Test func explained() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        let expected = try TestServer.restored(photo, ["steps": "7"])
        try await withData { data in
            try await TestServer.run(data) { server in
                for _ in 0..<2 {
                    let id = try #require(try await server.post(photo, "steps=7&explain=true").json["id"].text)
                    let job = try await server.end(of: id)
                    #expect(job["guidance"].elements.compactMap(\.number) == [1, 3, 5, 7], "\(job)")
                    #expect(try await server.client("GET", "/v1/jobs/\(id)/result").body == expected)
                    var pictures: Set<[UInt8]> = []
                    for path in ["guidance/1", "guidance/7", "blur-map"] {
                        let picture = try await server.client("GET", "/v1/jobs/\(id)/\(path)")
                        #expect(try picture.status == 200 && picture.body.withUnsafeBytes { try Photo(bytes: $0) }.width == 64)
                        pictures.insert(picture.body)
                    }
                    #expect(pictures.count == 3)
                    #expect(try await server.client("GET", "/v1/jobs/\(id)/guidance/2").status == 404)
                }
                let plain = try #require(try await server.post(photo, "steps=7&explain=false").json["id"].text)
                let job = try await server.end(of: plain)
                #expect(job["guidance"] == .array([]) && job["links"]["blurMap"] == .null)
                #expect(try await server.client("GET", "/v1/jobs/\(plain)/blur-map").status == 404)
                #expect(try await server.post(photo, "explain=maybe").status == 400)
            }
        }
    }

    @Test func tookTooLong() async throws {
        try await withData { data in
            try await TestServer.run(data) {
                $0.maxSeconds = 0.3
            } _: { server in
                let job = try await server.end(of: #require(try await server.post(TestServer.photo(width: 64, height: 64), "steps=1000").json["id"].text))
                #expect(job["state"].text == "failed" && job["error"]["detail"].text?.contains("longer") == true)
                #expect(try FilePath.contents(of: data + "/unfinished").isEmpty)
            }
        }
    }

    /// Connections that say nothing, or read nothing, are let go, and hold up nobody.
    @Test func idleConnections() async throws {
        try await withData { data in
            try await TestServer.run(data) {
                $0.idleSeconds = 0.5
            } _: { server in
                let port = server.client.port
                let silent = try (0..<20).map { _ in try HTTPClient.connect(port) }
                defer { for descriptor in silent { close(descriptor) } }
                // Half a head, and half a body.
                for (index, descriptor) in silent.enumerated() {
                    let half = index % 2 == 0 ? "GET /v1/jo" : "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf"
                    _ = Array(half.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
                }
                let start = ContinuousClock.now
                #expect(try await server.client("GET", "/v1/jobs").status == 200)
                #expect(start.duration(to: .now) < .milliseconds(400))
                try await Task.sleep(for: .seconds(2))
                for descriptor in silent {
                    var buffer = [UInt8](repeating: 0, count: 4096)
                    var count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                    while count > 0 { count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) }
                    #expect(count == 0 || errno == ECONNRESET, "still open")
                }
            }
        }
    }
}

/// A server-sent event.
private struct Event {
    var id = ""
    var kind = ""
    var data = JSONValue.null

    static func all(_ text: String) -> [Event] {
        text.components(separatedBy: "\n\n").filter { !$0.isEmpty && !$0.hasPrefix(":") }.map { part in
            part.split(separator: "\n").reduce(into: Event()) { event, line in
                let sides = line.split(separator: ":", maxSplits: 1)
                let value = sides[1].drop { $0 == " " }
                switch sides[0] {
                case "id": event.id = String(value)
                case "event": event.kind = String(value)
                default: event.data = (try? JSONDecoder().decode(JSONValue.self, from: Data(value.utf8))) ?? .null
                }
            }
        }
    }
}
