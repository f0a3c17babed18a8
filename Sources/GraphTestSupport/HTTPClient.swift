import Files
import Foundation

/// A client of few words, that sends just what it is told.
public struct HTTPClient: Sendable {
    public struct Answer: Sendable {
        public var status: Int
        /// Names in lower case.
        public var headers: [String: String]
        public var body: [UInt8]

        public var text: String { String(decoding: body, as: UTF8.self) }
        public var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(body))) ?? .null }
    }

    public let port: Int

    public init(port: Int) { self.port = port }

    /// Sends a request on a connection of its own and waits for all of the answer.
    public func callAsFunction(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: [UInt8] = []
    ) async throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nconnection: close\r\n"
        if headers["host"] == nil { head += "host: 127.0.0.1:\(port)\r\n" }
        if !body.isEmpty || method == "POST", headers["content-length"] == nil, headers["transfer-encoding"] == nil {
            head += "content-length: \(body.count)\r\n"
        }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        return try await exchange(Array((head + "\r\n").utf8) + body)
    }

    /// - Parameter isEnough: whether what has come so far will do.
    public func exchange(_ bytes: [UInt8], isEnough: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }) async throws -> Answer {
        let port = port
        let received = try await withCheckedThrowingContinuation { continuation in
            // Not on the threads that the server runs on.
            Thread { continuation.resume(with: Result { try HTTPClient.talk(port, bytes, isEnough) }) }.start()
        }
        return try HTTPClient.parse(received)
    }

    public static func connect(_ port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            close(descriptor)
            throw InputError("cannot connect: \(systemErrorMessage())")
        }
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    private static func talk(_ port: Int, _ bytes: [UInt8], _ isEnough: ([UInt8]) -> Bool) throws -> [UInt8] {
        let descriptor = try connect(port)
        defer { close(descriptor) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            // The server may have said no already.
            if count < 0 { break }
            sent += count
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isEnough(received) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            received += buffer[..<count]
        }
        return received
    }

    private static func parse(_ bytes: [UInt8]) throws -> Answer {
        let separator = Array("\r\n\r\n".utf8)
        guard let end = (0..<max(0, bytes.count - 3)).first(where: { Array(bytes[$0..<$0 + 4]) == separator }) else { throw InputError("no answer") }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let sides = line.split(separator: ":", maxSplits: 1)
            headers[sides[0].lowercased()] = sides[1].trimmingCharacters(in: .whitespaces)
        }
        var body = Array(bytes[(end + 4)...])
        if headers["transfer-encoding"] == "chunked" { body = unchunked(body) }
        return Answer(status: Int(lines[0].split(separator: " ")[1])!, headers: headers, body: body)
    }

    private static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var (result, rest): ([UInt8], ArraySlice<UInt8>) = ([], bytes[...])
        while let end = rest.firstIndex(of: 0x0d), let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16), size > 0 {
            rest = rest[min(end + 2, rest.endIndex)...]
            result += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return result
    }
}

extension JSONValue {
    public subscript(_ name: String) -> JSONValue { if case .object(let object) = self { object[name] ?? .null } else { .null } }
    public subscript(_ index: Int) -> JSONValue { if case .array(let array) = self, array.indices.contains(index) { array[index] } else { .null } }
    public var text: String? { if case .string(let text) = self { text } else { nil } }
    public var number: Int? { if case .integer(let number) = self { number } else { nil } }
    public var elements: [JSONValue] { if case .array(let array) = self { array } else { [] } }
    public var members: [String: JSONValue] { if case .object(let object) = self { object } else { [:] } }
}
