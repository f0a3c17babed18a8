import Files
import Tensors

/// Finds the tensors in what a checkpoint's pickle holds.
enum StateDict {
    /// Keys under which training frameworks keep the weights, in the order in which they are looked for.
    private static let wrappers = ["state_dict", "model_state_dict", "model", "module"]
    private static let depthLimit = 16

    /// The tensors by name. Dictionaries around the weights are unwrapped: the one under a known key, if the outer one holds no tensors
    /// itself. In what remains, names of nested dictionaries are joined with dots, and what is no tensor is ignored.
    static func tensors(in value: PickleValue, _ heap: PickleHeap) throws -> [(name: String, tensor: PickleTensor)] {
        guard case .dictionary(var dictionary) = value else {
            if case .tensor = value { throw InputError("holds a single tensor without a name, not a state dict") }
            throw InputError("holds no state dict", advice: "Save the network's tensors: torch.save(model.state_dict(), path).")
        }
        for _ in 0..<depthLimit {
            let holdsTensors = dictionary.pairs.contains { if case .tensor = $0.value { true } else { false } }
            let inner = wrappers.lazy.compactMap { key -> PickleDictionary? in
                if case .dictionary(let inner)? = dictionary.value(key) { inner } else { nil }
            }.first
            guard !holdsTensors, let inner else { break }
            dictionary = inner
        }
        var collector = Collector(heap: heap)
        try collector.collect(dictionary, prefix: "", depth: 0)
        guard !collector.order.isEmpty else {
            throw InputError(
                "holds no tensors of a supported element type",
                advice: "Save the network's tensors: torch.save(model.state_dict(), path).")
        }
        return collector.order.map { ($0, collector.tensors[$0]!) }
    }

    private struct Collector {
        let heap: PickleHeap
        var order: [String] = []
        var tensors: [String: PickleTensor] = [:]
        /// A dictionary that is reached twice is taken once, so that neither cycles nor sharing make this long.
        var visited = Set<ObjectIdentifier>()

        mutating func collect(_ dictionary: PickleDictionary, prefix: String, depth: Int) throws {
            guard depth < depthLimit, visited.insert(ObjectIdentifier(dictionary)).inserted else { return }
            for (key, value) in dictionary.pairs {
                guard let key = key.text ?? key.integer.map(String.init) else { continue }
                switch value {
                case .tensor(let tensor):
                    // Long names can be joined from few bytes.
                    try heap.take(256 + prefix.utf8.count + key.utf8.count)
                    if tensors.updateValue(tensor, forKey: prefix + key) == nil { order.append(prefix + key) }
                case .dictionary(let inner):
                    try heap.take(64 + prefix.utf8.count + key.utf8.count)
                    try collect(inner, prefix: "\(prefix)\(key).", depth: depth + 1)
                default: continue
                }
            }
        }
    }

    /// Puts a tensor in its place in the file, after checking that its view stays inside its storage.
    static func place(_ tensor: PickleTensor, named name: String, data: Range<Int>, fileSize: Int) throws -> StoredTensor {
        let unit = tensor.storage.elementType?.byteSize ?? 1
        let (end, overflow) = tensor.storage.elements.upperBound.multipliedReportingOverflow(by: unit)
        guard !overflow, end <= data.count else {
            throw InputError(
                "the data of '\(name)' should be \(tensor.storage.elements.upperBound) elements, but is \(data.count) bytes",
                advice: "The file is damaged; download or copy it again.")
        }
        let storage = data.lowerBound + tensor.storage.elements.lowerBound * unit..<data.lowerBound + end
        do {
            return try StoredTensor(
                tensor.elementType, Shape(tensor.shape), storage: storage, offset: tensor.offset, strides: tensor.strides,
                byteLimit: max(fileSize, 16 << 20))
        } catch let error as InputError {
            throw InputError("the tensor '\(name)' \(error.what)", advice: "The file is damaged; download or copy it again.")
        }
    }
}
