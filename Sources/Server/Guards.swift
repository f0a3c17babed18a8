import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What the server knows of a request beside itself.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Whose turn it is, is by address.
    var client: String { channel.remoteAddress?.ipAddress ?? "local" }
}

/// Headers of all answers, unless they have their own.
struct SecurityHeaders: RouterMiddleware {
    typealias Context = ServerContext

    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    func handle(_ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response) async throws -> Response {
        var response = try await next(request, context)
        let fixed: [(HTTPField.Name, String)] = [
            (.contentSecurityPolicy, SecurityHeaders.policy), (.xContentTypeOptions, "nosniff"), (.referrerPolicy, "no-referrer"),
            (.crossOriginOpenerPolicy, "same-origin"), (.crossOriginResourcePolicy, "same-origin"), (.frameOptions, "DENY"), (.cacheControl, "no-store"),
        ]
        for (name, value) in fixed where response.headers[name] == nil { response.headers[name] = value }
        return response
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    static let crossOriginOpenerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy")!
    static let frameOptions = HTTPField.Name("X-Frame-Options")!
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let deblurDiffOptions = HTTPField.Name("Deblurdiff-Options")!
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
}

/// Who may ask, and in whose name.
struct Guards: RouterMiddleware {
    typealias Context = ServerContext

    /// Names by which clients may call the server, in lower case; nil for any.
    private let hosts: Set<String>?
    private let origins: Set<String>
    private let token: [UInt8]?
    private static let open: Set<String> = ["/", "/page.css", "/favicon.svg", "/openapi.json", "/healthz", "/readyz"]

    init(_ settings: ServerSettings) {
        // Where any address of the machine is listened at, its names are not known. There is a token then, which pages of other origins have not.
        let isAnywhere = ["0.0.0.0", "::"].contains(settings.host) && settings.names.isEmpty
        hosts = isAnywhere ? nil : Set((ServerSettings.loopback + [settings.host] + settings.names).map { $0.lowercased() })
        origins = Set(settings.origins)
        token = settings.token.map { Array("Bearer \($0)".utf8) }
    }

    func handle(_ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response) async throws -> Response {
        let host = request.head.authority ?? ""
        if let hosts {
            // Another name may be a stranger's that leads here.
            guard hosts.contains(Guards.name(host)) else {
                throw Problem(
                    .forbidden, "the server does not go by the name '\(Guards.name(host).printable)'",
                    advice: "'--allow-host' lets it be called by other names.")
            }
        }
        let origin = request.headers[.origin]
        let isForeign = origin.map { $0 != "http://\(host)" && $0 != "https://\(host)" } ?? false
        let isAllowed = origin.map(origins.contains) ?? false
        if isForeign, !isAllowed, request.method != .get, request.method != .head {
            throw Problem(.forbidden, "pages of other origins may not use the server", advice: "'--allow-origin' lets a page of another origin do so.")
        }
        if isForeign, isAllowed, request.method == .options {
            let allowed: [(HTTPField.Name, String)] = [
                (.accessControlAllowMethods, "GET, POST, DELETE"),
                (.accessControlAllowHeaders, "Authorization, Content-Type, Idempotency-Key, Deblurdiff-Options, Last-Event-ID"), (.accessControlMaxAge, "600"),
            ]
            var response = Response(status: .noContent)
            for (name, value) in allowed { response.headers[name] = value }
            return Guards.sharing(response, with: origin!)
        }
        var response: Response
        do {
            try checkToken(request)
            response = try await next(request, context)
        } catch let problem as Problem {
            response = problem.response
        }
        return isForeign && isAllowed ? Guards.sharing(response, with: origin!) : response
    }

    private static func sharing(_ response: Response, with origin: String) -> Response {
        var response = response
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.crossOriginResourcePolicy] = "cross-origin"
        response.headers[.vary] = "Origin"
        response.headers[.accessControlExposeHeaders] = "Location, Retry-After, Content-Disposition"
        return response
    }

    private func checkToken(_ request: Request) throws {
        guard let token, !Guards.open.contains(request.uri.path), !request.uri.path.hasSuffix(".js") || request.uri.path.dropFirst().contains("/") else {
            return
        }
        guard Guards.isEqual(Array((request.headers[.authorization] ?? "").utf8), token) else {
            throw Problem(.unauthorized, "a token is needed", advice: "Send the header 'Authorization: Bearer TOKEN'.", headers: [.wwwAuthenticate: "Bearer"])
        }
    }

    /// In a time that does not depend on where they differ.
    static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        var difference: UInt8 = a.count == b.count ? 0 : 1
        for index in b.indices { difference |= b[index] ^ (index < a.count ? a[index] : 0) }
        return difference == 0
    }

    /// A host without its port: `[::1]:7860` is `::1`.
    static func name(_ host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[host.index(after: host.startIndex)..<end]) }
        guard let colon = host.lastIndex(of: ":"), host.firstIndex(of: ":") == colon else { return host }
        return String(host[..<colon])
    }
}
