import Files
import Foundation
import Hummingbird
import NIOCore

/// A request's body on its way to a file, never more of it in memory than a piece.
final class Upload: @unchecked Sendable {
    private let writer: AtomicFileWriter
    private let hash = SHA256()
    private(set) var byteCount = 0
    private let limit: Int
    private let began = ContinuousClock.now
    /// A body may be this slow, in bytes a second, after as many seconds as ``patience``.
    private static let (slowest, patience) = (16_384.0, 60.0)

    init(to path: String, limit: Int) throws {
        writer = try AtomicFileWriter(path: path)
        self.limit = limit
    }

    /// - Returns: SHA-256 of all.
    func receive(_ body: RequestBody) async throws -> String {
        for try await piece in body {
            byteCount += piece.readableBytes
            guard byteCount <= limit else { throw Upload.tooLarge(limit) }
            let seconds = began.duration(to: .now) / .seconds(1)
            guard seconds < Upload.patience + Double(byteCount) / Upload.slowest else { throw Problem(.requestTimeout, "the photograph came too slowly") }
            try piece.withUnsafeReadableBytes { bytes in
                hash.update(bytes)
                try writer.write(bytes)
            }
        }
        guard byteCount > 0 else {
            throw Problem(.unprocessableContent, "the request has no body", advice: "Send the photograph's file as the request's body.")
        }
        try await Offload.files { [self] in try writer.commit() }
        return hash.finish()
    }

    static func tooLarge(_ limit: Int) -> Problem {
        Problem(.contentTooLarge, "the file is larger than \(Units.bytes(limit))", advice: "Send a smaller photograph.")
    }
}
