import Files
import Foundation
import GraphTestSupport
import Testing

@testable import Server

/// What the interface's description says, and what the server does.
@Suite(.serialized) struct OpenAPITests {
    private let description = try! JSONDecoder().decode(JSONValue.self, from: Data(PackageResources.openapi_json))

    /// Every address of the server is described, and every one that is described is there. The page's own files are no interface.
    @Test func addresses() async throws {
        try await withData { data in
            try await TestServer.run(data) { server in
                let router = DeblurDiffServer.router(server.server.engine, ServerSettings(data: data))
                let page = #/^/$|^/graphs|\.(css|js|svg)$/#
                let routes = router.routes.map { ($0.method.rawValue, "\($0.path)") }
                    .filter { $0.0 != "HEAD" && $0.1.firstMatch(of: page) == nil }.map { "\($0.0) \($0.1.hasPrefix("/") ? $0.1 : "/" + $0.1)" }
                let described = description["paths"].members.flatMap { path, methods in methods.members.keys.map { "\($0.uppercased()) \(path)" } }
                #expect(routes.sorted() == described.sorted())
            }
        }
    }

    private func schema(_ path: String, _ method: String, _ status: Int) -> JSONValue? {
        let content = description["paths"][path][method]["responses"]["\(status)"]["content"].members
        return (content["application/json"] ?? content["application/problem+json"])?["schema"]
    }

    /// What of a value is not as a schema says: names and kinds.
    private func problems(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        if let name = schema["$ref"].text?.split(separator: "/").last { return problems(value, description["components"]["schemas"][String(name)], at: place) }
        let kinds = schema["type"].text.map { [$0] } ?? schema["type"].elements.compactMap(\.text)
        let kind =
            switch value {
            case .null: "null"
            case .bool: "boolean"
            case .integer: kinds.contains("number") ? "number" : "integer"
            case .number: "number"
            case .string: "string"
            case .array: "array"
            case .object: "object"
            }
        guard kinds.contains(kind) else { return ["\(place) is \(kind), not \(kinds)"] }
        if !schema["enum"].elements.isEmpty, !schema["enum"].elements.contains(value) { return ["\(place) is \(value)"] }
        switch value {
        case .object(let members):
            let properties = schema["properties"].members
            let missing = schema["required"].elements.compactMap(\.text).filter { members[$0] == nil }.map { "\(place).\($0) is missing" }
            return missing
                + members.flatMap { name, value -> [String] in
                    if let property = properties[name] { return problems(value, property, at: "\(place).\(name)") }
                    let others = schema["additionalProperties"]
                    return others == .bool(false)
                        ? ["\(place).\(name) is not described"] : others == .null ? [] : problems(value, others, at: "\(place).\(name)")
                }
        case .array(let elements): return elements.enumerated().flatMap { problems($1, schema["items"], at: "\(place)[\($0)]") }
        default: return []
        }
    }

    @Test func answers() async throws {
        let photo = try TestServer.photo(width: 64, height: 64)
        try await withData { data in
            try await TestServer.run(data) { server in
                func check(_ answer: HTTPClient.Answer, _ method: String, _ path: String) throws {
                    let described = try #require(schema(path, method, answer.status), "\(method) \(path) \(answer.status) is not described")
                    #expect(problems(answer.json, described, at: "\(method) \(path)") == [])
                }
                let client = server.client
                let posted = try await server.post(photo, "steps=1000&name=a.png")
                try check(posted, "post", "/v1/jobs")
                let id = try #require(posted.json["id"].text)
                try await server.reach(0, of: id)
                try await check(client("GET", "/v1/jobs/\(id)"), "get", "/v1/jobs/{id}")
                try await check(client("DELETE", "/v1/jobs/\(id)"), "delete", "/v1/jobs/{id}")
                _ = try await server.end(of: #require(try await server.post(photo, "steps=1").json["id"].text))
                let cut = Array(photo.prefix(photo.count / 2))
                _ = try await server.end(of: #require(try await server.post(cut).json["id"].text))
                try await check(client("GET", "/v1/jobs?limit=2"), "get", "/v1/jobs")
                try await check(client("GET", "/v1/jobs"), "get", "/v1/jobs")
                try await check(client("GET", "/v1/models"), "get", "/v1/models")
                try await check(client("GET", "/v1/capabilities"), "get", "/v1/capabilities")
                try await check(client("GET", "/v1/estimate?width=64&height=64"), "get", "/v1/estimate")
                try await check(client("GET", "/v1/estimate"), "get", "/v1/estimate")
                try await check(client("GET", "/v1/jobs/none"), "get", "/v1/jobs/{id}")
                try await check(server.post([]), "post", "/v1/jobs")
                let metrics = try await client("GET", "/metrics").text
                #expect(metrics.contains("# TYPE deblurdiff_jobs_accepted_total counter\n") && metrics.contains("deblurdiff_jobs_waiting 0\n"))
            }
        }
    }

    @Test func graphs() async throws {
        try await withData { data in
            try await TestServer.run(data) { server in
                let list = try await server.client("GET", "/graphs").text
                let link = try #require(list.firstMatch(of: #/href="(/graphs/tiny/[^"]+)"/#)?.1)
                let page = try await server.client("GET", String(link))
                #expect(page.status == 200 && page.text.contains("<script"))
                #expect(try await server.client("GET", "/graphs/tiny/none").status == 404)
                // Then with where the time of the last job went.
                #expect(try await server.client("GET", "/graphs/tiny/step").text.contains("<title>step, scheduled"))
                let id = try #require(try await server.post(TestServer.photo(), "steps=1").json["id"].text)
                #expect(try await server.end(of: id)["state"].text == "done")
                for name in ["step", "epilogue"] {
                    #expect(try await server.client("GET", "/graphs/tiny/\(name)").text.contains("<title>\(name), profiled"), "\(name)")
                }
            }
        }
    }
}
