import Files
import Foundation
import GraphTestSupport
import Testing

/// `deblurdiff serve`, as it is started and ended.
@Suite(.serialized) struct ServeTests {
    /// A server that runs, and a client of it.
    private final class Server {
        let process: Process
        let client: HTTPClient
        private let log: String

        /// - Parameter folder: where its data and its output go.
        init(_ arguments: [String] = [], in folder: String) throws {
            log = "\(folder)/log-\(UUID().uuidString)"
            let all = ["serve", "--model", try SharedFiles.model, "--data", folder + "/data", "--port", "0", "--threads", "1"] + arguments
            process = try Command.start(all, in: folder, output: log)
            var port: Int?
            for _ in 0..<600 where port == nil && process.isRunning {
                usleep(50_000)
                let text = try String(contentsOfFile: log + ".out", encoding: .utf8)
                port = text.firstMatch(of: #/http://[^:]+:([0-9]+)/ /#).flatMap { Int($0.1) }
            }
            guard let port else { throw InputError("the server does not start: \(try String(contentsOfFile: log + ".err", encoding: .utf8))") }
            client = HTTPClient(port: port)
        }

        func end(_ signal: Int32) -> Int {
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            return process.terminationReason == .exit ? Int(process.terminationStatus) : -Int(process.terminationStatus)
        }
    }

    private func step(_ server: Server, _ id: String) async throws -> Int {
        let job = try await server.client("GET", "/v1/jobs/\(id)").json
        return job["state"].text == "done" ? .max : job["progress"]["step"].number ?? 0
    }

    /// Killed in the middle, asked to end in the middle, and gone on with: what `run` makes.
    @Test func goesOnToWhatRunMakes() async throws {
        let folder = try makeScratchFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SharedFiles.writePhoto(folder + "/photo.png")
        let run = try Command.run(
            ["run", "photo.png", "--model", SharedFiles.model, "-o", "run.png", "--steps", "400", "--seed", "5", "--no-resume", "--threads", "1"], in: folder)
        #expect(run.status == 0, "\(run)")
        var server = try Server(in: folder)
        let posted = try await server.client("POST", "/v1/jobs?steps=400&seed=5&name=photo.png", body: SharedFiles.read(folder + "/photo.png"))
        #expect(posted.status == 202, "\(posted.text)")
        let id = try #require(posted.json["id"].text)
        while try await step(server, id) < 10 {}
        #expect(server.end(SIGTERM) == 0)
        #expect(try FilePath.contents(of: folder + "/data/unfinished").count == 1)
        server = try Server(in: folder)
        while try await step(server, id) < 20 {}
        #expect(server.end(SIGKILL) == -9)
        server = try Server(in: folder)
        #expect(try await step(server, id) != .max)
        while try await step(server, id) != .max {}
        #expect(try await server.client("GET", "/v1/jobs/\(id)/result").body == SharedFiles.read(folder + "/run.png"))
        #expect(server.end(SIGINT) == 0)
        // Only its owner can look.
        let private_ = try ["data", "data/jobs/\(id)", "data/jobs/\(id)/result.png", "data/jobs.sqlite"].map { path in
            try FileManager.default.attributesOfItem(atPath: "\(folder)/\(path)")[.posixPermissions] as? Int ?? 0o777
        }
        #expect(private_.allSatisfy { $0 & 0o077 == 0 }, "\(private_)")
    }

    /// Options are `run`'s, and what names files or is not about the restoration is refused.
    @Test func options() async throws {
        let folder = try makeScratchFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SharedFiles.writePhoto(folder + "/photo.png")
        let photo = try SharedFiles.read(folder + "/photo.png")
        let server = try Server(in: folder)
        let capabilities = try await server.client("GET", "/v1/capabilities").json
        let options = capabilities["options"].elements
        #expect(options.count > 20 && options.allSatisfy { $0["help"].text?.isEmpty == false })
        for option in options {
            let name = try #require(option["name"].text)
            // What it does not go without.
            let others = ["g-space": "&g-scale=0.1", "g-loss": "&g-scale=0.1&g-space=rgb"][name] ?? ""
            func status(_ value: String) async throws -> Int {
                try await server.client("GET", "/v1/estimate?width=64&height=64&\(name)=\(value)\(others)").status
            }
            // What the description says is so.
            if case .integer(let least) = option["minimum"] { #expect(try await status("\(least - 1)") == 400, "\(name)") }
            if case .integer(let most) = option["maximum"] { #expect(try await status("\(most + 1)") == 400, "\(name)") }
            for choice in option["choices"].elements where name != "rng" {
                let choice = try #require(choice.text?.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
                #expect(try await status(choice) == 200, "\(name) \(choice)")
            }
            if option["kind"].text != "text", name != "rng-skip" { #expect(try await status("nonsense") == 400, "\(name)") }
        }
        for refused in [
            "output=/tmp/x", "state-dir=/tmp", "blur-map=/tmp/x.png", "n-samples=3", "seed-mode=once", "threads=1", "record=x", "manifest=x",
            "model=/etc/passwd", "help=true",
        ] {
            let answer = try await server.client("POST", "/v1/jobs?\(refused)", body: photo)
            #expect(answer.status == 400, "\(refused): \(answer.text)")
        }
        // A value is never taken for an option, nor for a file.
        for value in ["--output=x", "-o", "@photo.png", "--", ""] {
            let escaped = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
            let answer = try await server.client("POST", "/v1/jobs?steps=1&neg-prompt=\(escaped)", body: photo)
            #expect(answer.status == 202 && answer.json["options"]["neg-prompt"].text == value, "\(value): \(answer.text)")
        }
        for preset in capabilities["presets"].elements {
            let query = preset["options"].members.map { "\($0)=\($1.text!.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!)" }.joined(
                separator: "&")
            #expect(try await server.client("GET", "/v1/estimate?width=64&height=64&\(query)").status == 200, "\(preset)")
        }
        #expect(server.end(SIGTERM) == 0)
    }

    @Test func unsafeAddresses() throws {
        try withScratchFolder { folder in
            let model = try SharedFiles.model
            try Command.expectFailure(["serve", "--model", model, "--data", "data", "--host", "0.0.0.0"], in: folder, says: ["--token"])
            try Command.expectFailure(["serve", "--model", model, "--data", "data", "--host", "0.0.0.0", "--token", "abc"], in: folder, says: ["--token"])
            let outcome = try Command.run(["serve", "--model", model, "--data", "data", "--port", "70000"], in: folder)
            #expect(outcome.status == 64 && outcome.errors.contains("--port"))
        }
    }
}
