import CKernels
import Files
import Foundation
import Testing

/// What tests of the kernels share: every instruction set, several thread counts, seeded numbers, guarded outputs.
enum KernelHarness {
    /// The pools' jobs would wait for each other anyway.
    private static let lock = NSLock()
    nonisolated(unsafe) private static let pools: [OpaquePointer?] =
        [nil] + [1, 2, 3].map { dd_pool_create(Int32($0)) }

    /// Runs `body` with each instruction set that this machine has.
    static func forEachISA(_ body: (Int32) throws -> Void) rethrows {
        lock.lock()
        defer {
            _ = dd_isa_force_here(-1)
            lock.unlock()
        }
        for isa in 0..<dd_isa_count() where dd_isa_force_here(isa) == isa { try body(isa) }
    }

    /// What `run` writes to `count` elements: the same bits with no pool and with 1, 2 and 3 threads, each element
    /// written, and none beyond. `initial` (else a pattern) is what lies there before.
    static func output<T: BitwiseCopyable>(
        _ count: Int, of type: T.Type, initial: [T]? = nil, location: SourceLocation = #_sourceLocation,
        _ run: (OpaquePointer?, UnsafeMutablePointer<T>) -> Void
    ) -> [T] {
        let margin = 64
        var first: [T] = []
        for pool in pools {
            let bytes = UnsafeMutableRawBufferPointer.allocate(
                byteCount: (count + 2 * margin) * MemoryLayout<T>.stride, alignment: 64)
            defer { bytes.deallocate() }
            for i in bytes.indices { bytes[i] = 0xa5 }
            let elements = bytes.bindMemory(to: T.self)
            let middle = elements.baseAddress! + margin
            if let initial { for i in 0..<count { middle[i] = initial[i] } }
            run(pool, middle)
            let guardBytes = margin * MemoryLayout<T>.stride
            #expect(
                bytes.prefix(guardBytes).allSatisfy { $0 == 0xa5 }
                    && bytes.suffix(guardBytes).allSatisfy { $0 == 0xa5 },
                "wrote outside of the output", sourceLocation: location)
            let result = Array(UnsafeBufferPointer(start: middle, count: count))
            if pool == nil { first = result }
            let same = result.withUnsafeBytes { a in first.withUnsafeBytes { b in a.elementsEqual(b) } }
            #expect(same, "differs with the number of threads", sourceLocation: location)
        }
        return first
    }

    static func output(
        _ count: Int, initial: [Float]? = nil, location: SourceLocation = #_sourceLocation,
        _ run: (OpaquePointer?, UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        output(count, of: Float.self, initial: initial, location: location, run)
    }

    /// Checks |actual - expected| <= absolute + relative * |expected|, NaN where NaN is expected and the same infinity.
    static func expectClose(
        _ actual: [Float], _ expected: [Double], absolute: Double = 0, relative: Double = 0, _ note: String = "",
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(actual.count == expected.count, "\(note)", sourceLocation: location)
        for (i, (a, e)) in zip(actual, expected).enumerated() {
            let rounded = Float(e)
            let close =
                e.isNaN
                ? a.isNaN
                : rounded.isInfinite || a.isInfinite
                    ? a == rounded : abs(Double(a) - e) <= absolute + relative * abs(e)
            if !close {
                Issue.record("\(note) at \(i) of \(actual.count): \(a), expected \(e)", sourceLocation: location)
                return
            }
        }
    }

    static func expectSame(
        _ actual: [Float], _ expected: [Float], _ note: String = "", location: SourceLocation = #_sourceLocation
    ) {
        let index = zip(actual, expected).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }?.offset
        #expect(
            actual.count == expected.count && index == nil, "\(note) first at \(index ?? -1)", sourceLocation: location)
    }
}

struct SeededNumbers {
    private var generator: SeededGenerator
    init(_ seed: UInt64) { generator = SeededGenerator(state: seed) }

    mutating func next() -> UInt64 { generator.next() }
    mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
    mutating func float(_ range: ClosedRange<Float> = -1...1) -> Float {
        range.lowerBound + (range.upperBound - range.lowerBound) * Float(next() >> 40) / Float(1 << 24)
    }
    mutating func floats(_ n: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<n).map { _ in float(range) }
    }
}
