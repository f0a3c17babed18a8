import Foundation

/// Work that blocks, away from the threads of Swift's concurrency.
struct Offload: Sendable {
    private let queue: DispatchQueue

    /// The database and files: some at a time.
    static let files = Offload(queue: DispatchQueue(label: "deblurdiff.files", attributes: .concurrent))
    /// Whole pictures in memory: one at a time.
    static let pictures = Offload(queue: DispatchQueue(label: "deblurdiff.pictures"))

    func callAsFunction<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    func later(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
}
