import Foundation
import Synchronization

/// Which memory is whose file, for the signal that comes when a file is cut short, or its disk fails, while it is mapped.
public enum MappedRanges {
    /// The entry of a mapping, while it lasts.
    struct Registration {
        fileprivate let slot: Int

        func forget() {
            let path = MappedRanges.slots[slot].path
            MappedRanges.slots[slot].start.store(0, ordering: .sequentiallyConsistent)
            MappedRanges.slots[slot].path = nil
            free(path)
            MappedRanges.slots[slot].isTaken.store(false, ordering: .sequentiallyConsistent)
        }
    }

    private struct Slot: ~Copyable {
        let isTaken = Atomic<Bool>(false)
        /// 0 until the others are set.
        let start = Atomic<UInt>(0)
        var end: UInt = 0
        /// As it is shown.
        var path: UnsafeMutablePointer<CChar>?
    }

    private static let slotCount = 256
    /// A handler may touch nothing that takes locks or memory, so this is a plain array.
    nonisolated(unsafe) private static let slots = {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: slotCount)
        for index in 0..<slotCount { (slots + index).initialize(to: Slot()) }
        return slots
    }()
    nonisolated(unsafe) private static var handlerBefore = sigaction()

    /// Nil where more files are mapped than are kept in mind.
    static func register(_ bytes: UnsafeRawBufferPointer, _ path: String) -> Registration? {
        let start = UInt(bitPattern: bytes.baseAddress)
        for slot in 0..<slotCount where slots[slot].isTaken.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent).exchanged {
            slots[slot].end = start + UInt(bytes.count)
            slots[slot].path = strdup(path.printable)
            slots[slot].start.store(start, ordering: .sequentiallyConsistent)
            return Registration(slot: slot)
        }
        return nil
    }

    /// Takes over SIGBUS. Faults elsewhere go to the handler before.
    static func handleFaults() {
        _ = slots
        var new = sigaction()
        new.__sigaction_handler.sa_sigaction = { _, information, _ in
            let address = UInt(bitPattern: information?.pointee._sifields._sigfault.si_addr)
            for slot in 0..<MappedRanges.slotCount {
                let start = MappedRanges.slots[slot].start.load(ordering: .sequentiallyConsistent)
                guard start != 0, address >= start, address < MappedRanges.slots[slot].end else { continue }
                clearLine()
                say("Error: ")
                if let path = MappedRanges.slots[slot].path { _ = write(STDERR_FILENO, path, strlen(path)) }
                say(": cannot be read any more: it was cut short while it was in use, or its disk fails\n")
                PartialFile.removeAll()
                _exit(1)
            }
            sigaction(SIGBUS, &MappedRanges.handlerBefore, nil)
        }
        new.sa_flags = SA_SIGINFO
        sigaction(SIGBUS, &new, &handlerBefore)
    }
}
