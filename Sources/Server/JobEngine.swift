import Blur
import Files
import Foundation
import HTTPTypes
import Images
import Jobs
import Logging

/// The jobs of a server: takes them in, has them done, and tells what became of them. What it has said to a client is in the database before.
final class JobEngine: Sendable {
    let settings: ServerSettings
    let options: JobOptions
    let shelf: ModelShelf
    let files: JobFiles
    let store: JobStore
    let hub: EventHub
    let estimator: Estimator
    let metrics: ServerMetrics
    private let logger: Logger
    private let lock: FolderLock

    private struct State {
        var queue = FairQueue()
        var running: [String: RunningJob] = [:]
        /// Uploads under way, which have a place in the queue.
        var reserved = 0
        var isEnding = false
        var workers = 0
        /// Bytes of each job's files.
        var sizes: [String: Int] = [:]
        var totalSize = 0
    }

    private let state = Locked(State())
    /// Signalled for each job that comes.
    private let work = DispatchSemaphore(value: 0)
    /// So often is a job begun; one that ends the process each time must not do so for ever.
    static let mostAttempts = 50

    init(_ settings: ServerSettings, options: JobOptions, shelf: ModelShelf, logger: Logger) throws {
        (self.settings, self.options, self.shelf, self.logger) = (settings, options, shelf, logger)
        files = JobFiles(data: settings.data)
        try files.prepare()
        lock = try files.lock()
        store = try JobStore(path: files.database)
        hub = EventHub(generation: store.generation)
        estimator = Estimator(memoryLimit: settings.memoryLimit)
        metrics = ServerMetrics()
        try recover()
    }

    /// Takes up what an earlier process left.
    private func recover() throws {
        let known = try store.ids()
        for id in try files.ids() {
            // An upload that was not accepted.
            if !known.contains(id) { files.remove(id) } else { measure(id) }
        }
        let jobs = try store.unfinished()
        for job in jobs {
            if job.attempts >= JobEngine.mostAttempts {
                _ = try store.update(job.id, in: [.queued, .running]) { job in
                    (job.state, job.ended) = (.failed, Date())
                    job.errorDetail = "it was begun \(job.attempts) times, and each time the server ended before it did"
                }
                continue
            }
            let wasBegun = job.started != nil
            if job.state == .running { _ = try store.update(job.id, in: [.running]) { $0.state = .queued } }
            state.withLock { $0.queue.append(job.id, client: job.client, wasBegun: wasBegun) }
            work.signal()
        }
        if !jobs.isEmpty { logger.info("\(jobs.count) jobs to go on with") }
    }

    // MARK: Taking jobs in

    /// Holds a place in the queue for an upload.
    ///
    /// - Throws: a `Problem` where there is none.
    func reserve() throws {
        let (isEnding, isFull, count) = state.withLock { state in
            let isFull = state.queue.count + state.reserved >= settings.maxQueue
            if !isFull, !state.isEnding { state.reserved += 1 }
            return (state.isEnding, isFull, state.queue.count)
        }
        if isEnding { throw Problem(.serviceUnavailable, "the server is ending", headers: [.retryAfter: "10"]) }
        guard isFull else { return }
        metrics.refused.increment()
        throw Problem(
            .tooManyRequests, "\(count) jobs wait already", advice: "Try again later.", headers: [.retryAfter: "\(min(600, max(5, count / 10)))"])
    }

    /// Removes what came of an upload that was not accepted.
    func discard(_ id: String) { Offload.files.later { [self] in removeIfUnknown(id) } }

    private func removeIfUnknown(_ id: String) {
        // Where the database does not answer, it may know the job.
        do { if try store.job(id) == nil { files.remove(id) } } catch {}
    }

    func unreserve() { state.withLock { $0.reserved -= 1 } }

    /// Throws where there is no room for more files.
    func requireRoom(_ byteCount: Int) throws {
        guard let most = settings.maxDisk else { return }
        let total = state.withLock { $0.totalSize }
        guard total + byteCount > most else { return }
        sweep(making: byteCount)
        guard state.withLock({ $0.totalSize }) + byteCount > most else { return }
        throw Problem(
            HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"), "the server has no room for more photographs",
            advice: "Try again when jobs have ended, or delete some.")
    }

    /// Accepts a job, whose input lies in its folder.
    ///
    /// - Returns: the job; an earlier one where the client has sent the same with the same key.
    func accept(_ job: JobRecord) throws -> JobRecord {
        try files.sync(job.id)
        let (accepted, isNew) = try store.insert(job)
        guard isNew else {
            files.remove(job.id)
            guard accepted.request == job.request else {
                throw Problem(.conflict, "the idempotency key was used for another photograph or other options", advice: "Use a new key for a new job.")
            }
            return accepted
        }
        measure(accepted.id)
        metrics.accepted.increment()
        state.withLock { $0.queue.append(accepted.id, client: accepted.client) }
        work.signal()
        Offload.pictures.later { [self] in look(at: accepted.id) }
        return accepted
    }

    /// What can be told of a photograph by decoding it: a thumbnail, and how blurred it is.
    private func look(at id: String) {
        // One that is being done is told so by its restorer.
        guard !isEnding, let job = try? store.job(id), job.state == .queued, let photo = try? Photo(reading: files.input(id), limits: settings.reading) else {
            return
        }
        _ = try? makeThumbnail(id, of: photo)
        guard let blur = BlurEstimate(photo) else { return }
        let told = try? store.update(id, in: [.queued, .running]) { job in
            (job.blur, job.nearlySharp) = ((blur.extent * 10).rounded() / 10, blur.isNearlySharp)
        }
        if let told { tellState(told) }
    }

    private var isEnding: Bool { state.withLock { $0.isEnding } }

    /// The thumbnail's path; it is made where it is not there. Not on several threads at once.
    func thumbnail(_ id: String) throws -> String {
        let path = files.thumbnail(id)
        if FileStatus(path) != nil { return path }
        try makeThumbnail(id, of: Photo(reading: files.input(id), limits: settings.reading))
        return path
    }

    private func makeThumbnail(_ id: String, of photo: Photo) throws {
        let bytes = try photo.forBrowsers(longest: 320, quality: 80)
        let writer = try AtomicFileWriter(path: files.thumbnail(id))
        try writer.write(bytes)
        try writer.commit()
        measure(id)
    }

    // MARK: Doing them

    /// Starts the threads that do jobs.
    func start() {
        for number in 0..<settings.parallel {
            state.withLock { $0.workers += 1 }
            let thread = Thread { [self] in
                let bench = JobBench(files: files, options: options, settings: settings, hub: hub)
                while let (id, running) = next() { perform(id, running, bench) }
                state.withLock { $0.workers -= 1 }
            }
            thread.name = "job \(number)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Waits for a job. Nil when the server ends.
    private func next() -> (String, RunningJob)? {
        while true {
            work.wait()
            let (isEnding, taken) = state.withLock { state -> (Bool, (String, RunningJob)?) in
                guard !state.isEnding, let id = state.queue.next() else { return (state.isEnding, nil) }
                let running = RunningJob()
                state.running[id] = running
                return (false, (id, running))
            }
            if isEnding { return nil }
            if let taken { return taken }
        }
    }

    private func perform(_ id: String, _ running: RunningJob, _ bench: JobBench) {
        defer {
            state.withLock { $0.running[id] = nil }
            // Forgotten in its last step.
            removeIfUnknown(id)
        }
        do {
            let begun = try store.update(id, in: [.queued, .running]) { job in
                job.state = .running
                job.started = job.started ?? Date()
                job.attempts += 1
            }
            // Cancelled meanwhile.
            guard let begun else { return }
            let entry: ModelShelf.Entry
            do { entry = try shelf.entry(begun.model) } catch let problem as Problem {
                finish(id) { job in (job.state, job.errorDetail, job.errorAdvice) = (.failed, problem.detail, problem.advice) }
                return
            }
            tellState(begun)
            tellPositions()
            logger.info("job begins", metadata: ["job": "\(id)"])
            let start = ContinuousClock.now
            let (outcome, resultFile) = bench.run(begun, entry, running)
            let seconds = start.duration(to: .now) / .seconds(1)
            let warnings = encodeJSON(bench.warnings, pretty: false)
            switch outcome {
            case .done(let report):
                let path = files.result(id, named: resultFile)
                try files.sync(id)
                let (size, format) = (FileStatus(path)?.size, try ImageFormats.codec(ofFile: path).name.lowercased())
                if report.state == .done, begun.attempts == 1, let head = try? PhotoHead(reading: files.input(id), limits: settings.reading) {
                    estimator.learn(head, entry.id, begun.optionValues, seconds: seconds)
                }
                let guidance = encodeJSON(files.guidance(id), pretty: false)
                let wasCancelled = finish(id) { job in
                    job.guidance = guidance
                    (job.state, job.seconds, job.warnings, job.blur) = (.done, seconds, warnings, report.blur ?? job.blur)
                    job.nearlySharp = job.blur.map { $0 < BlurEstimate.nearlySharp }
                    (job.resultFile, job.resultFormat, job.resultBytes) = (resultFile, format, size)
                }
                if wasCancelled { unlink(FilePath.system(path)) }
                metrics.seconds.recordSeconds(seconds)
            case .failed(let detail, let advice):
                finish(id) { job in
                    (job.state, job.seconds, job.warnings, job.errorDetail, job.errorAdvice) = (.failed, seconds, warnings, detail, advice)
                }
            case .interrupted:
                switch running.reason {
                case .cancelled:
                    // It has ended for its clients already.
                    hub.end(id)
                case .tookTooLong:
                    let limit = settings.maxSeconds
                    finish(id) { job in
                        (job.state, job.seconds) = (.failed, seconds)
                        job.errorDetail = "it took longer than \(Int(limit)) seconds"
                        job.errorAdvice = "Take fewer steps, or a smaller photograph."
                    }
                case .serverEnds, nil:
                    _ = try store.update(id, in: [.running]) { job in
                        job.state = .queued
                        // It was not this job that ended the server.
                        job.attempts -= 1
                    }
                }
            }
        } catch {
            again(id, error)
        }
    }

    /// Ends a job that runs, unless it was cancelled in the last moment, or the database takes nothing: then the next process does it again.
    ///
    /// - Returns: whether it was cancelled.
    @discardableResult private func finish(_ id: String, _ change: @escaping @Sendable (inout JobRecord) -> Void) -> Bool {
        do {
            let ended = try store.update(id, in: [.running]) { job in
                change(&job)
                job.ended = Date()
            }
            if let ended {
                metrics.ended(ended.state)
                logger.info("job ends", metadata: ["job": "\(id)", "state": "\(ended.state.rawValue)", "seconds": "\(ended.seconds ?? 0)"])
                state.withLock { $0.running[id] = nil }
                tellState(ended)
            }
            hub.end(id)
            measure(id)
            return ended == nil
        } catch {
            again(id, error)
            return false
        }
    }

    /// The database or the disk failed, so that the job is as it was. It is begun again; its result, if there is one, is then found.
    private func again(_ id: String, _ error: any Error) {
        logger.error("job \(id): \(String(describing: error).printableLines)")
        DispatchQueue.global().asyncAfter(deadline: .now() + 5) { [self] in
            state.withLock { $0.queue.append(id, client: "", wasBegun: true) }
            work.signal()
        }
    }

    // MARK: Ending

    /// Cancels a job that has not ended, or forgets one that has.
    ///
    /// - Returns: the cancelled job; nil where it was forgotten.
    /// - Throws: `Problem.notFound`.
    func cancelOrForget(_ id: String) throws -> JobRecord? {
        let cancelled = try store.update(id, in: [.queued, .running]) { job in
            (job.state, job.ended) = (.cancelled, Date())
        }
        if let cancelled {
            let running = state.withLock { state -> RunningJob? in
                state.queue.remove(id, client: cancelled.client)
                return state.running[id]
            }
            running?.stop(.cancelled)
            metrics.ended(.cancelled)
            tellState(cancelled)
            hub.end(id)
            tellPositions()
            return cancelled
        }
        guard try forget(id) else { throw Problem.notFound }
        return nil
    }

    /// Forgets a job that has ended, with its files.
    @discardableResult private func forget(_ id: String) throws -> Bool {
        // One that was cancelled may still be in its last step.
        state.withLock { $0.running[id] }?.stop(.cancelled)
        guard try store.remove(id) else { return false }
        files.remove(id)
        state.withLock { state in state.totalSize -= state.sizes.removeValue(forKey: id) ?? 0 }
        return true
    }

    /// Removes jobs whose time is over, and the oldest where files take too much.
    func sweep(now: Date = Date(), making room: Int = 0) {
        do {
            for job in try store.ended() {
                let isOld = job.ended.map { now.timeIntervalSince($0) > settings.keepSeconds } ?? true
                let isFull = settings.maxDisk.map { most in state.withLock { $0.totalSize } + room > most } ?? false
                guard isOld || isFull else { break }
                try forget(job.id)
            }
        } catch {
            logger.error("old jobs cannot be removed: \(String(describing: error).printableLines)")
        }
    }

    private func measure(_ id: String) {
        let size = files.byteCount(id)
        state.withLock { state in
            state.totalSize += size - (state.sizes[id] ?? 0)
            state.sizes[id] = size == 0 ? nil : size
        }
    }

    /// Nothing new begins; what runs stops after its step, and is kept.
    func end() {
        let (running, workers) = state.withLock { state in
            state.isEnding = true
            return (Array(state.running.values), state.workers)
        }
        for job in running { job.stop(.serverEnds) }
        for _ in 0..<workers { work.signal() }
        hub.close()
    }

    /// Waits for the threads after ``end()``.
    func join() async {
        while state.withLock({ $0.workers }) > 0 { await Task { try? await Task.sleep(for: .milliseconds(10)) }.value }
        store.close()
        lock.release()
    }

    // MARK: Telling

    private func tellState(_ job: JobRecord) { hub.publish(.state, of: job.id, encodeJSON(document(job), pretty: false), isLast: job.state.hasEnded) }

    /// Tells those who wait for a job to begin where it stands.
    private func tellPositions() {
        for id in hub.listenedJobs {
            guard state.withLock({ $0.running[id] }) == nil, let job = try? store.job(id), job.state == .queued else { continue }
            tellState(job)
        }
    }

    func preview(_ id: String) -> [UInt8]? { state.withLock { $0.running[id] }?.preview }

    var queueCount: Int { state.withLock { $0.queue.count } }
    var runningCount: Int { state.withLock { $0.running.count } }
    var diskByteCount: Int { state.withLock { $0.totalSize } }

    /// A job as clients see it.
    func document(_ job: JobRecord) -> JobDocument {
        let (position, running) = state.withLock { state in
            (job.state == .queued ? state.queue.position(job.id, client: job.client) : nil, state.running[job.id])
        }
        var links = ["self": "", "events": "/events", "input": "/input", "thumbnail": "/thumbnail", "preview": "/preview", "result": "/result"]
        let guidance = job.guidanceSteps
        if !guidance.isEmpty { (links["guidance"], links["blurMap"]) = ("/guidance/{step}", "/blur-map") }
        return JobDocument(
            id: job.id, state: job.state, name: job.name, model: job.model, created: job.created.answer, started: job.started?.answer,
            ended: job.ended?.answer, position: job.state == .queued ? position ?? 0 : nil,
            input: JobDocument.Input(width: job.width, height: job.height, format: job.format, bytes: job.bytes), blur: job.blur,
            nearlySharp: job.nearlySharp, options: job.optionValues,
            estimate: job.estimatedSeconds.map { JobDocument.Estimate(seconds: $0, peakBytes: job.estimatedBytes ?? 0) },
            progress: job.state == .running ? running?.progress : nil, seconds: job.seconds, warnings: job.warningTexts,
            error: job.state == .failed ? JobDocument.Failure(detail: job.errorDetail ?? "", advice: job.errorAdvice) : nil,
            result: job.state == .done
                ? JobDocument.Result(
                    width: job.width, height: job.height, format: job.resultFormat ?? "", bytes: job.resultBytes ?? 0, name: job.resultName) : nil,
            guidance: job.state == .done ? guidance : nil, links: links.mapValues { "/v1/jobs/\(job.id)" + $0 })
    }
}

extension JobRecord {
    /// What a client may call the result: `IMG_1_restored.jpg`.
    var resultName: String {
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
        let ending = resultFile.flatMap { file in file.lastIndex(of: ".").map { String(file[$0...]) } } ?? ""
        return (stem.isEmpty ? "photograph" : stem) + "_restored" + ending
    }
}
