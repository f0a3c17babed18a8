import Files
import Foundation
import GraphRuntime
import ImageMetrics
import Images

/// Measures photographs, several at a time.
public final class Evaluation {
    public let metrics: [any Metric]
    private let limits: ReadingLimits
    private let pool: ThreadPool
    private let program: String
    private let ledger: MeasurementLedger?
    private let interruption: Interruption

    /// - Parameters:
    ///   - program: and its version: what another one measured is measured again.
    ///   - measurements: a file that keeps what was measured; it may have some of it already.
    public init(
        metrics: [any Metric], limits: ReadingLimits, pool: ThreadPool, program: String, measurements: String?, interruption: Interruption
    ) throws {
        (self.metrics, self.limits, self.pool, self.program, self.interruption) = (metrics, limits, pool, program, interruption)
        ledger = try measurements.map { try MeasurementLedger(path: $0) }
    }

    /// What was measured of each pair, in their order. One that fails has an error, and does not stop the others.
    ///
    /// - Parameter progress: told how many are done.
    /// - Throws: ``Interrupted`` as asked for, or an `InputError` where measurements cannot be kept.
    public func measure(_ pairs: [PhotoPair], progress: (_ done: Int) -> Void = { _ in }) throws -> [PhotoMeasurement] {
        let lock = NSLock()
        var results = [PhotoMeasurement?](repeating: nil, count: pairs.count)
        var (done, failure): (Int, (any Error)?) = (0, nil)
        pool.parallelFor(pairs.count) { index, _ in
            guard !interruption.isRequested, lock.withLock({ failure == nil }) else { return }
            let result = measure(pairs[index]) { identity in lock.withLock { ledger?[identity] } }
            lock.withLock {
                results[index] = result.measurement
                done += 1
                if result.isNew, result.measurement.error == nil, failure == nil {
                    do { try ledger?.add(result.measurement) } catch { failure = error }
                }
                progress(done)
            }
        }
        if let failure { throw failure as? InputError ?? InputError("cannot be written: \(failure)", at: "measurements") }
        if interruption.isRequested { throw Interrupted() }
        return results.map { $0! }
    }

    private func measure(_ pair: PhotoPair, known: (String) -> PhotoMeasurement?) -> (measurement: PhotoMeasurement, isNew: Bool) {
        var result = PhotoMeasurement(image: pair.image, reference: pair.reference, identity: "")
        do {
            let digests = try [pair.image, pair.reference].compactMap { try $0.map { try MappedFile(path: $0).sha256() } }
            let identity = ([program] + digests).joined(separator: " ")
            result.identity = identity
            if let known = known(identity) {
                (result.width, result.height, result.values, result.undefined) = (known.width, known.height, known.values, known.undefined)
            }
            let missing = metrics.filter {
                (!$0.needsReference || pair.reference != nil) && result.values[$0.identity] == nil && result.undefined?[$0.identity] == nil
            }
            guard !missing.isEmpty else { return (result, false) }
            let image = MeasuredImage(try Photo(reading: pair.image, limits: limits))
            let reference = try pair.reference.map { MeasuredImage(try Photo(reading: $0, limits: limits)) }
            (result.width, result.height) = (image.width, image.height)
            if let reference, (reference.width, reference.height) != (image.width, image.height) {
                throw InputError(
                    "is \(image.width) x \(image.height) pixels large, but its reference \(reference.width) x \(reference.height)", at: pair.image)
            }
            for metric in missing {
                do {
                    result.values[metric.identity] = try metric.value(of: image, against: reference)
                } catch let error as InputError {
                    result.undefined = (result.undefined ?? [:]).merging([metric.identity: error.description]) { $1 }
                }
            }
        } catch {
            result.error = "\(error)"
        }
        return (result, true)
    }
}

extension PhotoMeasurement {
    /// Nil where it was not measured.
    public func value(_ metric: any Metric) -> Double? { values[metric.identity] }

    /// Why there is none.
    public func reason(_ metric: any Metric) -> String? { undefined?[metric.identity] }
}
