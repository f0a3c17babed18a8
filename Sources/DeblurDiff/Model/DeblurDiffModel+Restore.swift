import Foundation
import Synchronization

/// What a restoration tells while it goes on.
public enum RestorationEvent: Sendable {
    case progress(RestorationProgress)
    /// The restored pixels: interleaved RGB, 8 bit, of the input's size. Nothing comes after it.
    case finished([UInt8])
}

extension DeblurDiffModel {
    /// Restores an image on a thread of its own. Several may be under way at once: each has the bits that it has alone.
    ///
    ///     for try await event in model.restore(pixels, height: 480, width: 640) {
    ///         switch event {
    ///         case .progress(let progress): print(progress.share)
    ///         case .finished(let pixels): save(pixels)
    ///         }
    ///     }
    ///
    /// When the task that reads the events is cancelled, or lets go of them, the restoration ends within a kernel's time.
    ///
    /// - `pixels`: interleaved RGB, 8 bit.
    /// - Returns: events; of those about progress only the latest is kept for a slow reader. They end with an `InputError` for what cannot be done.
    public func restore(_ pixels: [UInt8], height: Int, width: Int, options: RestorationOptions = RestorationOptions())
        -> AsyncThrowingStream<RestorationEvent, any Error>
    {
        AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let cancelled = CancellationFlag()
            continuation.onTermination = { _ in cancelled.set() }
            // Not on the threads of Swift's concurrency, which must never be held for long.
            let thread = Thread {
                do {
                    let restorer = try Restorer(
                        model: self, options: options, isCancelled: { cancelled.isSet }, progress: { continuation.yield(.progress($0)) })
                    continuation.yield(.finished(try restorer.restore(pixels, height: height, width: width)))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }
}

/// Set once, by any thread.
public final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    public init() {}

    public var isSet: Bool { flag.load(ordering: .relaxed) }

    public func set() { flag.store(true, ordering: .relaxed) }
}
