import CKernels
import Files
import Foundation
import Tensors

/// How much memory weights may take.
public enum MemoryUse: String, CaseIterable, Sendable, Codable {
    /// Transformed weights where they pay.
    case standard
    /// No packed weights are larger than the plain ones.
    case lean
}

/// Chooses among kernels that compute the same thing: by times measured on this machine where there are some, otherwise by shape.
///
/// A choice never looks at the number of threads, so results do not depend on it either.
public struct KernelChooser: Sendable {
    struct Choice {
        var algorithm: ConvolutionAlgorithm
        var reason: String
    }

    /// What a byte of weights more must save, in seconds a run: between what F(2x2) with weights of its own saves at 8 x 8 pixels in
    /// bfloat16 (0.9e-10), which is taken, and F(4x4) at 16 x 16 (0.1e-10), which would take 3 GB more at the released sizes. A
    /// measurement finds weights in the cache that a step would read from memory, which takes about half of this.
    private static let secondsPerByte = 0.7e-10
    /// Larger weights are not made up for a measurement.
    private static let mostBytes = 600 << 20

    /// Shared by copies.
    private final class Timings: Sendable {
        let known: Locked<KernelTimings>
        init(_ timings: KernelTimings) { known = Locked(timings) }
    }

    private let timings: Timings?
    /// Kernels that were not measured yet are, and their times go into the cache. Off where a program is only looked at.
    public var tunes: Bool

    /// - `cache`: the file with times; nil for choices by shape alone.
    /// - `machine`: whose times; nil for this one's, with the instruction set in use.
    public init(cache: String? = nil, tunes: Bool = false, machine: String? = nil) {
        timings = cache.map { Timings(KernelTimings(path: $0, machine: machine ?? KernelTimings.thisMachine)) }
        self.tunes = tunes
    }

    /// With the times in the user's cache.
    public init(tunes: Bool) { self.init(cache: KernelTimings.standardPath, tunes: tunes) }

    /// nil where nothing computes it.
    func convolution(_ args: dd_conv_args, options: RuntimeOptions) -> Choice? {
        let problem = ConvolutionProblem(args, precision: options.precision)
        let candidates = problem.candidates
        if candidates.count == 1 { return Choice(algorithm: candidates[0], reason: "nothing else computes it") }
        var args = args
        func byShape(lean: Bool, _ reason: String) -> Choice? {
            ConvolutionAlgorithm.byShape(&args, problem.precision.products, lean: lean).map { Choice(algorithm: $0, reason: reason) }
        }
        if options.memory == .lean { return byShape(lean: true, "lean memory") }
        let seconds = times(problem, candidates, options: options)
        let timed = candidates.compactMap { algorithm in
            seconds[problem.label(algorithm)].map { (algorithm: algorithm, seconds: $0, byteCount: problem.packedByteCount(algorithm)) }
        }
        guard timed.count > 1 else { return byShape(lean: false, "by shape") }
        let best = timed.min {
            $0.seconds + KernelChooser.secondsPerByte * Double($0.byteCount) < $1.seconds + KernelChooser.secondsPerByte * Double($1.byteCount)
        }!
        let list = timed.map { String(format: "%@ %.1f ms %d MB", problem.label($0.algorithm), 1e3 * $0.seconds, $0.byteCount >> 20) }
        return Choice(algorithm: best.algorithm, reason: "timed: " + list.joined(separator: ", "))
    }

    private func times(_ problem: ConvolutionProblem, _ candidates: [ConvolutionAlgorithm], options: RuntimeOptions) -> [String: Double] {
        timings?.known.withLock { timings in
            var seconds = timings["\(problem)"]
            let missing = candidates.filter { seconds[problem.label($0)] == nil && problem.packedByteCount($0) <= KernelChooser.mostBytes }
            guard tunes, !missing.isEmpty else { return seconds }
            for algorithm in missing { seconds[problem.label(algorithm)] = problem.measure(algorithm, pool: options.pool) }
            timings.record(seconds, of: "\(problem)")
            return seconds
        } ?? [:]
    }
}

extension ConvolutionProblem {
    /// The least of a few runs, in seconds, on numbers that are made up.
    func measure(_ algorithm: ConvolutionAlgorithm, pool: ThreadPool) -> Double {
        var args = arguments
        let (height, width) = (dd_conv_out_height(&args), dd_conv_out_width(&args))
        let sizes = [
            Int(batch * self.height * self.width * inputChannels) * 4, Int(batch * height * width * outputChannels) * 4, packedByteCount(algorithm),
            dd_conv_scratch_bytes(algorithm.handle, products(algorithm), &args, Int32(pool.threadCount)),
        ]
        return withMadeUpNumbers(sizes) { memory in
            args.x0 = UnsafePointer(memory[0].assumingMemoryBound(to: Float.self))
            args.y = memory[1].assumingMemoryBound(to: Float.self)
            var best = Double.infinity
            for run in 0..<4 {
                let start = DispatchTime.now().uptimeNanoseconds
                let status = dd_conv(pool.handle, algorithm.handle, products(algorithm), &args, memory[2], memory[3])
                precondition(status == Int32(DD_CONV_OK), "a convolution that was checked")
                if run > 0 { best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9) }
            }
            return best
        }
    }
}
