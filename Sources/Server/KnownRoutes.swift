import Files
import HTTPTypes
import Hummingbird

/// The addresses that there are, to tell one that does not exist from one that takes other methods.
final class KnownRoutes: Sendable {
    /// Parts of each address, nil for what may be anything; and the method.
    private let routes = Locked<[(parts: [String?], method: HTTPRequest.Method)]>([])

    func take(_ router: Router<ServerContext>) {
        let found = router.routes.map { route in
            let parts = "\(route.path)".split(separator: "/").map { $0.hasPrefix("{") ? nil : String($0) }
            return (parts: parts, method: route.method)
        }
        routes.withLock { $0 = found }
    }

    /// The methods that an address takes.
    func methods(_ path: String) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/").map(String.init)
        let fitting = routes.withLock { $0 }.filter { route in
            route.parts.count == parts.count && zip(route.parts, parts).allSatisfy { $0 == nil || $0 == $1 }
        }
        return fitting.map(\.method).sorted { $0.rawValue < $1.rawValue }
    }
}
