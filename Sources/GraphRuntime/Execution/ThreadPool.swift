import CKernels
import Files
import Foundation
import Tensors

/// A persistent pool of threads. Work is split by shape alone, so results do not depend on how many threads there are.
///
/// Sendable, since the pool of the kernels takes work from several threads at once.
public final class ThreadPool: @unchecked Sendable {
    public let handle: OpaquePointer
    public let threadCount: Int

    /// - Parameter threadCount: nil for one a processor that this process may run on.
    public init(threadCount: Int? = nil) {
        let count = max(1, threadCount ?? ThreadPool.processorCount)
        // Where the system has no more threads, fewer do the work.
        var handle = dd_pool_create(Int32(count))
        for fewer in (1..<count).reversed() where handle == nil { handle = dd_pool_create(Int32(fewer)) }
        guard let handle else { outOfMemory(1 << 10) }
        self.handle = handle
        self.threadCount = Int(dd_pool_size(handle))
    }

    deinit { dd_pool_destroy(handle) }

    public static var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// Calls `body(index, worker)` for each index below `count`, on all threads, and returns when all are done. The worker, below ``threadCount``, names the
    /// scratch memory that the call may use.
    public func parallelFor(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { body in
                dd_parallel_for(
                    handle, Int64(count),
                    { context, index, worker in context!.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(Int(index), Int(worker)) },
                    UnsafeMutableRawPointer(mutating: body))
            }
        }
    }
}
