import CKernels
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What tasks share.
private final class Tally: @unchecked Sendable {
    let counts: UnsafeMutablePointer<Int64>
    let pool: OpaquePointer?
    let inner: Int64
    let lock = NSLock()
    var workers: Set<Int32> = []
    var threads: [Int32: pthread_t] = [:]

    init(_ count: Int, pool: OpaquePointer? = nil, inner: Int64 = 0) {
        counts = .allocate(capacity: count)
        counts.initialize(repeating: 0, count: count)
        (self.pool, self.inner) = (pool, inner)
    }

    deinit { counts.deallocate() }

    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func at(_ pointer: UnsafeMutableRawPointer?) -> Tally { Unmanaged<Tally>.fromOpaque(pointer!).takeUnretainedValue() }
}

nonisolated(unsafe) private let stopped = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
nonisolated(unsafe) private let resume = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

@Suite(.serialized) struct PoolTests {
    private let count: dd_task = { context, index, worker in
        let tally = Tally.at(context)
        tally.counts[Int(index)] += 1
        tally.lock.withLock {
            tally.workers.insert(worker)
            tally.threads[worker] = pthread_self()
        }
    }

    @Test(arguments: [1, 2, 3, 8]) func everyTaskRunsOnce(threads: Int32) {
        let pool = dd_pool_create(threads)
        defer { dd_pool_destroy(pool) }
        for size in [0, 1, 2, 3, 7, 100, 1000] {
            for round in 0..<30 {
                let tally = Tally(max(1, size))
                dd_parallel_for(pool, Int64(size), count, tally.pointer)
                #expect((0..<size).allSatisfy { tally.counts[$0] == 1 })
                #expect(tally.workers.allSatisfy { $0 >= 0 && $0 < threads })
                if round % 10 == 9 { usleep(1000) }  // long enough to fall asleep
            }
        }
    }

    /// Tasks that have tasks do them alone.
    @Test func tasksMayHaveTasks() {
        let pool = dd_pool_create(3)
        defer { dd_pool_destroy(pool) }
        let outer = Tally(40, pool: pool, inner: 25)
        dd_parallel_for(
            pool, 40,
            { context, index, _ in
                let outer = Tally.at(context)
                let inner = Tally(25)
                dd_parallel_for(outer.pool, outer.inner, { context, index, _ in Tally.at(context).counts[Int(index)] += 1 }, inner.pointer)
                outer.counts[Int(index)] = (0..<25).reduce(0) { $0 + inner.counts[$1] }
            }, outer.pointer)
        #expect((0..<40).allSatisfy { outer.counts[$0] == 25 })
    }

    /// Callers on several threads do not wait for each other, nor do they get into each other's way.
    @Test func callersAtOnce() {
        let pool = dd_pool_create(3)
        defer { dd_pool_destroy(pool) }
        let box = Tally(4, pool: pool)
        DispatchQueue.concurrentPerform(iterations: 4) { caller in
            for _ in 0..<500 {
                let tally = Tally(64)
                dd_parallel_for(box.pool, 64, { context, index, _ in Tally.at(context).counts[Int(index)] += 1 }, tally.pointer)
                if (0..<64).allSatisfy({ tally.counts[$0] == 1 }) { box.counts[caller] += 1 }
            }
        }
        #expect((0..<4).allSatisfy { box.counts[$0] == 500 })
    }

    /// A call ends when its tasks are done, whoever did them: here the other worker is kept from running, as on a machine that is busy.
    @Test func aWorkerThatDoesNotRunIsNotWaitedFor() throws {
        // Threads of the tests' own let no signals through; a pool's threads are as the one that makes them.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGUSR2)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        let pool = dd_pool_create(2)
        // Tasks long enough that the worker takes one.
        var worker: pthread_t?
        for _ in 0..<200 where worker == nil {
            let tally = Tally(1)
            dd_parallel_for(
                pool, 20,
                { context, _, worker in
                    let tally = Tally.at(context)
                    tally.lock.withLock { tally.threads[worker] = pthread_self() }
                    usleep(500)
                }, tally.pointer)
            worker = tally.threads[1]
        }
        let thread = try #require(worker)
        usleep(50_000)  // asleep
        sem_init(stopped, 0, 0)
        sem_init(resume, 0, 0)
        signal(SIGUSR2) { _ in
            sem_post(stopped)
            sem_wait(resume)
        }
        pthread_kill(thread, SIGUSR2)
        sem_wait(stopped)
        let done = DispatchSemaphore(value: 0)
        let box = Tally(1, pool: pool)
        Thread {
            for _ in 0..<100 {
                dd_parallel_for(box.pool, 50, { context, _, worker in Tally.at(context).counts[0] += worker == 0 ? 1 : 0 }, box.pointer)
            }
            done.signal()
        }.start()
        let ended = done.wait(timeout: .now() + 20) == .success
        sem_post(resume)
        #expect(ended)
        if !ended { done.wait() }
        #expect(box.counts[0] == 5000)
        signal(SIGUSR2, SIG_DFL)
        dd_pool_destroy(pool)
    }
}
