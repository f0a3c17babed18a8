import DeblurDiff
import Files
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// Restores photographs that come over HTTP: a queue, an interface, a page.
public struct DeblurDiffServer: Sendable {
    let engine: JobEngine
    private let settings: ServerSettings
    private let logger: Logger

    /// Opens the data, and takes up the jobs that are in it.
    ///
    /// - Parameters:
    ///   - models: the first is the default; each opened with `keepsPrograms`.
    ///   - options: what jobs may choose.
    /// - Throws: an `InputError` for settings that are unsafe, and for data that cannot be used.
    public init(_ settings: ServerSettings, models: [DeblurDiffModel], options: JobOptions, logger: Logger) throws {
        try settings.check()
        (self.settings, self.logger) = (settings, logger)
        engine = try JobEngine(settings, options: options, shelf: ModelShelf(models), logger: logger)
    }

    /// Serves until it is asked to end: then what runs stops after its step, and is kept.
    ///
    /// - Parameters:
    ///   - signals: what asks it to end.
    ///   - isReady: told the port when requests are taken.
    public func run(endingOn signals: [UnixSignal] = [.sigterm, .sigint], isReady: @escaping @Sendable (_ port: Int) async -> Void) async throws {
        let idle = settings.idleSeconds
        let channels = HTTP1Channel.Configuration(
            additionalChannelHandlers: [StalledReaders(limit: .milliseconds(Int64(idle * 1000)))], idleTimeout: .milliseconds(Int64(idle * 1000)),
            httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                maxHeaderFieldSize: 16384, maxHeaderListSize: 32768, maxHeaderFieldCount: 100))
        let application = Application(
            router: DeblurDiffServer.router(engine, settings), server: .http1(configuration: channels),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), backlog: 1024,
                availableConnectionsDelegate: .maximum(settings.maxConnections, logger: logger)),
            onServerRunning: { channel in await isReady(channel.localAddress?.port ?? 0) }, logger: logger)
        // The last ends first: those who listen to events are let go, then the others have their answers, and what runs is waited for.
        var configuration = ServiceGroupConfiguration(
            services: [JobService(engine: engine), SweepService(engine: engine), application, EndService(engine: engine)], gracefulShutdownSignals: signals,
            logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        let group = ServiceGroup(configuration: configuration)
        engine.start()
        do {
            try await group.run()
        } catch {
            engine.end()
            await engine.join()
            throw DeblurDiffServer.words(error, settings)
        }
        engine.end()
        await engine.join()
    }

    static func router(_ engine: JobEngine, _ settings: ServerSettings) -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        let known = KnownRoutes()
        router.addMiddleware {
            SecurityHeaders()
            MetricsMiddleware()
            ProblemMiddleware(known: known)
            Guards(settings)
        }
        PageRoutes(shelf: engine.shelf).add(to: router)
        HealthRoutes(engine: engine).add(to: router)
        let interface = router.group("v1")
        JobRoutes(engine: engine).add(to: interface)
        InfoRoutes(engine: engine).add(to: interface)
        known.take(router)
        return router
    }

    private static func words(_ error: any Error, _ settings: ServerSettings) -> any Error {
        guard let error = error as? IOError else { return error }
        return InputError(
            "cannot be listened at: \(systemErrorMessage(error.errnoCode))", at: "\(settings.host):\(settings.port)",
            advice: "Another server may use it already; name another --port.")
    }
}

/// Waits for the jobs that run.
private struct JobService: Service {
    let engine: JobEngine

    func run() async throws {
        try? await gracefulShutdown()
        engine.end()
        await engine.join()
    }
}

/// Removes what is old.
private struct SweepService: Service {
    let engine: JobEngine

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Offload.files { engine.sweep() }
                try? await Task.sleep(for: .seconds(60))
            }
        }
    }
}

/// Says to the jobs, before anything else ends, that the server does.
private struct EndService: Service {
    let engine: JobEngine

    func run() async throws {
        try? await gracefulShutdown()
        engine.end()
    }
}
