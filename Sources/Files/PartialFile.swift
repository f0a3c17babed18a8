import Foundation
import Synchronization

/// A file under a temporary name, which is removed when a signal ends the program.
///
/// Signals that cannot be caught leave it behind.
final class PartialFile: Sendable {
    let path: String
    private let slot: Int?
    private static let count = Atomic<Int>(0)

    /// A name that is new in a folder.
    init(in folder: String) {
        let number = PartialFile.count.add(1, ordering: .relaxed).newValue
        path = FilePath.join(folder, ".deblurdiff-\(getpid())-\(number).partial")
        slot = PartialFile.register(path)
    }

    /// The file is gone, or has its own name now.
    func forget() { if let slot { PartialFile.slots[slot].store(0, ordering: .sequentiallyConsistent) } }

    /// Addresses of C strings; 0 is a free slot. A handler may touch nothing that takes locks or memory, so this is a plain array. Strings are never
    /// freed: a signal might come while they are.
    nonisolated(unsafe) private static let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: slotCount)
    private static let slotCount = 16

    private static let isReady: Bool = {
        for slot in 0..<slotCount { (slots + slot).initialize(to: Atomic(0)) }
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            var old = sigaction()
            // Handlers of the program, and signals that it was started to ignore, stay as they are.
            guard sigaction(signal, nil, &old) == 0, old.isDefault else { continue }
            var new = sigaction()
            new.__sigaction_handler.sa_handler = { signal in
                PartialFile.removeAll()
                // The handler was reset when it was called, so this ends the program as the signal should.
                raise(signal)
            }
            new.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(signal, &new, nil)
        }
        return true
    }()

    private static func register(_ path: String) -> Int? {
        guard isReady, let copy = strdup(FilePath.system(path)) else { return nil }
        let address = UInt(bitPattern: copy)
        return (0..<slotCount).first {
            slots[$0].compareExchange(expected: 0, desired: address, ordering: .sequentiallyConsistent).exchanged
        }
    }

    /// May be called by signal handlers.
    static func removeAll() {
        guard PartialFile.count.load(ordering: .relaxed) > 0 else { return }
        for slot in 0..<slotCount {
            if let path = UnsafePointer<CChar>(bitPattern: slots[slot].load(ordering: .sequentiallyConsistent)) { unlink(path) }
        }
    }
}

extension sigaction {
    fileprivate var isDefault: Bool { __sigaction_handler.sa_handler == nil }
}

/// Removes files that are being written. Signal handlers may call it.
public func removePartialFiles() { PartialFile.removeAll() }
