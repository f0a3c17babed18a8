import Files
import Tensors

/// All lists, dictionaries and storages of a pickle, and how much memory it takes.
///
/// Lists and dictionaries can hold each other, and themselves. Emptying them one by one at the end frees them all, without the recursion that
/// would exhaust the thread's stack for a long chain.
final class PickleHeap {
    private var lists: [PickleList] = []
    private var dictionaries: [PickleDictionary] = []
    /// By key.
    var storages: [String: PickleStorage] = [:]
    /// Of the pickles, so far.
    var bytesRead = 0
    private var bytesTaken = 0

    /// A value in an array, which may have room for twice as many.
    static let elementBytes = 2 * MemoryLayout<PickleValue>.stride
    /// Checkpoints take about ten bytes for one of their pickle.
    private static let bytesPerByte = 64
    private static let bytesAtOnce = 16 << 20
    private static let mostBytes = 1 << 30

    /// Counts memory before it is taken. Nothing is ever given back, and a copy counts as soon as its original could change, so that the count is never less
    /// than what is held.
    ///
    /// - Throws: where a pickle takes more than its own size explains.
    func take(_ count: Int) throws {
        bytesTaken += count
        guard bytesTaken <= min(PickleHeap.bytesAtOnce + PickleHeap.bytesPerByte * bytesRead, PickleHeap.mostBytes) else {
            throw InputError(
                "the pickle takes far more memory than a checkpoint of its size does",
                advice: "If you trust the file, load it with PyTorch and save only its tensors: torch.save(model.state_dict(), path).")
        }
    }

    func makeList(_ elements: [PickleValue] = []) throws -> PickleList {
        try take(80 + PickleHeap.elementBytes * elements.count)
        let list = PickleList()
        list.elements = elements
        lists.append(list)
        return list
    }

    func makeDictionary(_ pairs: [(key: PickleValue, value: PickleValue)] = []) throws -> PickleDictionary {
        try take(80 + 2 * PickleHeap.elementBytes * pairs.count)
        let dictionary = PickleDictionary()
        dictionary.pairs = pairs
        dictionaries.append(dictionary)
        return dictionary
    }

    /// All values are empty after the call.
    static func with<Result>(_ body: (PickleHeap) throws -> Result) rethrows -> Result {
        let heap = PickleHeap()
        defer {
            for list in heap.lists { list.elements = [] }
            for dictionary in heap.dictionaries { dictionary.pairs = [] }
        }
        return try body(heap)
    }
}
