import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphRuntime
import Images
import Jobs
import Logging
import Server

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Restore photographs in a browser, or for other programs over HTTP.",
        discussion: """
            Opens a page where photographs are dropped and restored, and an interface that /openapi.json describes. It serves this machine alone, unless --host \
            and --token say otherwise.

            Jobs, photographs and results lie in --data until --keep is over. A server that ends in the middle goes on from there when it is started again, to \
            the same bits. Ctrl-C ends it after the step under way.
            """)

    @Option(help: ArgumentHelp("A model; may be repeated, the first is the default. (default: the one that comes with the program)", valueName: "model"))
    var model: [String] = []

    @Option(help: "The address to listen at. Another than this machine's own needs a --token.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen at; 0 takes one that is free.")
    var port = 7860

    @Option(help: ArgumentHelp("Where jobs and photographs are kept. (default: ~/.local/share/deblurdiff)", valueName: "folder"))
    var data: String?

    @Option(help: ArgumentHelp("What clients must show, as 'Authorization: Bearer TOKEN'. (default: $DEBLURDIFF_TOKEN, if there is one)", valueName: "token"))
    var token: String?

    @Flag(help: "Open the page in the browser.")
    var `open` = false

    @Option(help: ArgumentHelp("So many restorations at a time, with one copy of the weights.", valueName: "n"))
    var parallel = 1

    @Option(help: ArgumentHelp("How long a job is kept after its end: 7d, 12h, 30m.", valueName: "time"))
    var keep = TimeSpan(7 * 86400)

    @Option(help: ArgumentHelp("The most that photographs and results take on the disk, as 10GB; the oldest go first.", valueName: "size"))
    var maxDisk: MemorySize?

    @Option(help: ArgumentHelp("The largest file that is taken, as 50MB.", valueName: "size"))
    var maxUpload = MemorySize(200_000_000)

    @Option(help: ArgumentHelp("Refuse photographs with more pixels; 300M is 300 million.", valueName: "n"))
    var maxPixels = PixelCount(100_000_000)

    @Option(help: ArgumentHelp("So many jobs may wait.", valueName: "n"))
    var maxQueue = 1000

    @Option(help: ArgumentHelp("So many connections at a time.", valueName: "n"))
    var maxConnections = 1024

    @Option(help: ArgumentHelp("How long a restoration may take.", valueName: "time"))
    var maxTime = TimeSpan(86400)

    @Option(help: ArgumentHelp("A further name by which clients call the server; may be repeated.", valueName: "name"))
    var allowHost: [String] = []

    @Option(help: ArgumentHelp("The origin of another page that may use the server, as https://example.org; may be repeated.", valueName: "origin"))
    var allowOrigin: [String] = []

    @Flag(help: "Neither use nor keep packed weights of a large model for later runs; see 'pack'.")
    var noPackCache = false

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var front: CleanerOption

    @OptionGroup var runtime: RuntimeFlags

    @OptionGroup var memory: MemoryFlags

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port must be 0 to 65535, not \(port).") }
        guard (1...64).contains(parallel) else { throw ValidationError("--parallel must be 1 to 64, not \(parallel).") }
        guard (1...1_000_000).contains(maxQueue) else { throw ValidationError("--max-queue must be 1 to 1000000, not \(maxQueue).") }
        guard (1...100_000).contains(maxConnections) else { throw ValidationError("--max-connections must be 1 to 100000, not \(maxConnections).") }
        guard !model.contains(""), data != "", host != "" else { throw ValidationError("A path or an address is empty.") }
    }

    func run() throws {
        let settings = try settings()
        try settings.check()
        // Photographs are nobody else's business.
        umask(0o077)
        let paths = try model.isEmpty ? [defaultModel()] : model
        let cleaner = try front.load()
        let models = try paths.map { path in
            try runtime.openModel(path, cleaner: cleaner, keepsPrograms: true, packedFolder: noPackCache ? nil : PackedFolder.standard)
        }
        var logger = Logger(label: "deblurdiff.serve")
        if !quiet, logger.logLevel > .info { logger.logLevel = .info }
        let server = try DeblurDiffServer(settings, models: models, options: ServedOptions.make(for: models[0]), logger: logger)
        let (quiet, opens, host, token) = (quiet, self.open, host, settings.token)
        try ServeCommand.wait {
            try await server.run { port in
                let shown = ["0.0.0.0", "::"].contains(host) ? "localhost" : host.contains(":") ? "[\(host)]" : host
                let address = "http://\(shown):\(port)/"
                if !quiet { try? print("DeblurDiff is at \(address) and ends with Ctrl-C.") }
                if opens { ServeCommand.browse(address + (token.map { "#token=\($0)" } ?? "")) }
            }
        }
    }

    private func settings() throws -> ServerSettings {
        guard let data = data ?? ServerSettings.standardData else {
            throw InputError("there is no home to keep jobs in", advice: "Name a folder with --data.")
        }
        var settings = ServerSettings(data: data)
        (settings.host, settings.port) = (host, port)
        settings.token = token ?? getenv("DEBLURDIFF_TOKEN").map { FilePath.text($0) }.flatMap { $0.isEmpty ? nil : $0 }
        (settings.parallel, settings.maxQueue, settings.maxConnections) = (parallel, maxQueue, maxConnections)
        (settings.keepSeconds, settings.maxSeconds) = (keep.seconds, maxTime.seconds)
        (settings.maxDisk, settings.maxBytes) = (maxDisk?.byteCount, maxUpload.byteCount)
        settings.reading = ReadingLimits(pixelCount: maxPixels.value)
        (settings.names, settings.origins) = (allowHost, allowOrigin)
        settings.memoryLimit = memory.maxMemory?.byteCount
        return settings
    }

    /// Waits on this thread for work of Swift's concurrency.
    private static func wait(for work: @escaping @Sendable () async throws -> Void) throws {
        let (end, error) = (DispatchSemaphore(value: 0), Locked<(any Error)?>(nil))
        Task {
            do { try await work() } catch let thrown { error.withLock { $0 = thrown } }
            end.signal()
        }
        end.wait()
        if let error = error.withLock({ $0 }) { throw error }
    }

    private static func browse(_ address: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["xdg-open", address]
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try? process.run()
    }
}

/// A time on the command line: `7d`, `12h`, `30m`, `90s`, or a number of seconds.
struct TimeSpan: ExpressibleByArgument {
    var seconds: Double

    init(_ seconds: Double) { self.seconds = seconds }

    init?(argument: String) {
        let units = ["d": 86400.0, "h": 3600, "m": 60, "s": 1]
        let unit = argument.last.flatMap { units[String($0)] }
        guard let number = Double(unit == nil ? argument : String(argument.dropLast())), number > 0, number * (unit ?? 1) <= 1e10 else { return nil }
        seconds = number * (unit ?? 1)
    }

    var defaultValueDescription: String {
        seconds.truncatingRemainder(dividingBy: 86400) == 0 ? "\(Int(seconds / 86400))d" : "\(Int(seconds))s"
    }
}
