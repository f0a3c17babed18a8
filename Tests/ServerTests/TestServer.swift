import DeblurDiff
import Files
import Foundation
import GraphRuntime
import GraphTestSupport
import Images
import Jobs
import Logging

@testable import Server

/// The smallest model, under a name.
let tinyModel: DeblurDiffModel = {
    do {
        let folder = try makeScratchFolder()
        let yaml = try String(contentsOfFile: repositoryFile("Tests/Fixtures/configs/brief.yaml"), encoding: .utf8)
        let path = folder + "/tiny.ddiff.safetensors"
        try writeSeededModel(ModelConfiguration(yaml: yaml), seed: 1, to: path)
        let model = try DeblurDiffModel(path: path, options: RuntimeOptions(pool: ThreadPool(threadCount: 1)), keepsPrograms: true)
        // The file stays mapped.
        try FileManager.default.removeItem(atPath: folder)
        return model
    } catch {
        fatalError("\(error)")
    }
}()

/// A server on a port of its own, with the smallest model.
struct TestServer {
    let client: HTTPClient
    let server: DeblurDiffServer
    private let task: Task<Void, any Error>

    static let options = JobOptions(
        program: "tests", descriptions: [JobOptions.Description(name: "steps", kind: .integer, help: "Steps.")], presets: [],
        parse: { options, model in
            var restoration = RestorationOptions(defaultsOf: model.configuration)
            var format: (any WritableImageCodec)?
            for (name, value) in options {
                switch (name, Int(value)) {
                case ("steps", let steps?) where (1...1000).contains(steps): restoration.steps = steps
                case ("seed", let seed?): restoration.seed = UInt64(seed)
                case ("format", _) where value == "jpeg": format = JPEGCodec()
                default: throw InputError("no option '\(name)' with '\(value)'")
                }
            }
            return JobOptions.Parsed(settings: RestorationSettings(restoration: restoration, program: "tests"), format: format)
        })

    /// Serves while `body` runs; then ends as at a signal.
    static func run<Result: Sendable>(
        _ data: String, _ change: (inout ServerSettings) -> Void = { _ in }, _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        var settings = ServerSettings(data: data)
        settings.port = 0
        change(&settings)
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let server = try DeblurDiffServer(settings, models: [tinyModel], options: options, logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let task = Task {
            defer { continuation.finish() }
            try await server.run(endingOn: []) { continuation.yield($0) }
        }
        var port: Int?
        for await value in ports {
            port = value
            break
        }
        guard let port else { try await task.value; throw InputError("the server did not start") }
        let running = TestServer(client: HTTPClient(port: port), server: server, task: task)
        do {
            let result = try await body(running)
            await running.end()
            return result
        } catch {
            await running.end()
            throw error
        }
    }

    private func end() async {
        task.cancel()
        _ = try? await task.value
    }

    func post(_ photo: [UInt8], _ query: String = "", _ headers: [String: String] = [:]) async throws -> HTTPClient.Answer {
        try await client("POST", "/v1/jobs?\(query)", headers, body: photo)
    }

    /// Waits until a job that runs has done so many steps.
    func reach(_ step: Int, of id: String) async throws {
        while true {
            let job = try await client("GET", "/v1/jobs/\(id)").json
            guard ["queued", "running"].contains(job["state"].text) else { throw InputError("the job ended before step \(step)") }
            if job["progress"]["step"].number ?? -1 >= step { return }
        }
    }

    /// Waits until a job has ended.
    func end(of id: String) async throws -> JSONValue {
        for _ in 0..<3000 {
            let job = try await client("GET", "/v1/jobs/\(id)").json
            if !["queued", "running"].contains(job["state"].text) { return job }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw InputError("the job does not end")
    }

    /// A photograph as a file; others for other numbers.
    static func photo(_ number: Int = 0, width: Int = 40, height: Int = 24, as codec: any WritableImageCodec = PNGCodec()) throws -> [UInt8] {
        let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: ($0 + number) * $0 / 7) }
        return try Photo(width: width, height: height, pixels: pixels).encoded(as: codec)
    }

    /// What the engine makes of a photograph by itself.
    static func restored(_ photo: [UInt8], _ options: [String: String]) throws -> [UInt8] {
        try withScratchFolder { folder in
            try write(photo, to: folder + "/input")
            let parsed = try TestServer.options.parse(options, tinyModel)
            let format = try parsed.format ?? ImageFormats.codec(ofFile: folder + "/input").resultFormat
            try PhotoRestorer(model: tinyModel, settings: parsed.settings).restore([
                PhotoJob(input: folder + "/input", output: folder + "/output", format: format)
            ])
            return try read(folder + "/output")
        }
    }
}

func withData<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = try makeScratchFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder + "/data")
}
