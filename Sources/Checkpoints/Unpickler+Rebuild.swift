import Files
import Tensors

/// What the allowed names make from their arguments. The argument lists are those of PyTorch's `torch/_utils.py` and `torch/serialization.py`.
extension PickleGlobal {
    func make(from arguments: [PickleValue], _ heap: PickleHeap) throws -> PickleValue {
        switch self {
        case .rebuildTensor, .rebuildTensorV2:
            // storage, offset, size, stride (, requires_grad, hooks, metadata)
            if case .opaque? = arguments.first { return .opaque }
            guard arguments.count >= 4, case .storage(let storage) = arguments[0], let elementType = storage.elementType else {
                throw Unpickler.damaged("a tensor has no typed storage")
            }
            return try tensor(storage, elementType, arguments, heap)
        case .rebuildTensorV3:
            // storage, offset, size, stride, requires_grad, hooks, dtype, metadata
            guard arguments.count >= 7, case .storage(let storage) = arguments[0], case .global(let type) = arguments[6] else {
                throw Unpickler.damaged("a tensor has no storage")
            }
            switch type {
            case .elementType(let elementType): return try tensor(storage, elementType, arguments, heap)
            case .unsupportedElementType: return .opaque
            default: throw Unpickler.damaged("a tensor has no element type")
            }
        case .rebuildParameter:
            // data, requires_grad, hooks (, state)
            guard let data = arguments.first else { throw Unpickler.damaged("a parameter has no data") }
            return data
        case .rebuildFromType:
            // function, type, arguments, state
            guard arguments.count >= 3, case .global(let function) = arguments[0], case .tuple(let inner) = arguments[2] else {
                throw Unpickler.damaged("a tensor has no constructor")
            }
            switch function {
            case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3, .rebuildParameter: return try function.make(from: inner.elements, heap)
            default: throw Unpickler.damaged("a tensor has no constructor")
            }
        case .dictionary: return try dictionary(arguments, heap)
        case .list: return .list(try heap.makeList(arguments.first?.elements ?? []))
        case .size:
            guard case .tuple? = arguments.first else { throw Unpickler.damaged("a size is no tuple") }
            return arguments[0]
        case .opaqueValue, .elementType, .unsupportedElementType: return .opaque
        case .storageClass, .untypedStorageClass: throw Unpickler.damaged("it makes a storage without data")
        case .inertClass(let name): throw Unpickler.refused(name)
        }
    }

    private func tensor(_ storage: PickleStorage, _ elementType: ElementType, _ arguments: [PickleValue], _ heap: PickleHeap) throws -> PickleValue {
        guard let offset = arguments[1].integer, let shape = arguments[2].integers, let strides = arguments[3].integers else {
            throw Unpickler.damaged("a tensor's size is not made of numbers")
        }
        try heap.take(256 + 16 * (shape.count + strides.count))
        return .tensor(PickleTensor(storage: storage, elementType: elementType, offset: offset, shape: shape, strides: strides))
    }

    /// `OrderedDict()`, `OrderedDict([(key, value), ...])`, `defaultdict(factory)`, `Counter({...})`.
    private func dictionary(_ arguments: [PickleValue], _ heap: PickleHeap) throws -> PickleValue {
        switch arguments.last {
        case .dictionary(let other): return .dictionary(try heap.makeDictionary(other.pairs))
        case .list(let list):
            // Counted before the pairs are made.
            try heap.take(2 * PickleHeap.elementBytes * list.elements.count)
            return .dictionary(
                try heap.makeDictionary(
                    list.elements.map { pair in
                        guard let pair = pair.elements, pair.count == 2 else { throw Unpickler.damaged("a key has no value") }
                        return (pair[0], pair[1])
                    }))
        default: return .dictionary(try heap.makeDictionary())
        }
    }
}

extension Unpickler {
    /// A persistent id: `("storage", class, key, location, element count)`, in old files with `None` or
    /// `(view key, offset, element count)` behind it.
    func storage(for identifier: PickleValue) throws -> PickleValue {
        guard let parts = identifier.elements, parts.count >= 5, parts[0].text == "storage" else {
            if identifier.elements?.first?.text == "module" {
                throw InputError(
                    "holds a whole network with its code, not its tensors", advice: "Save its tensors: torch.save(model.state_dict(), path).")
            }
            throw Unpickler.damaged("a storage has no description")
        }
        let elementType: ElementType?
        switch parts[1] {
        case .global(.storageClass(let type)): elementType = type
        case .global(.untypedStorageClass): elementType = nil
        case .global(.unsupportedElementType): return .opaque
        default: throw Unpickler.damaged("a storage has no element type")
        }
        guard let key = parts[2].text ?? parts[2].integer.map(String.init), let count = parts[4].integer, count >= 0 else {
            throw Unpickler.damaged("a storage has no name or size")
        }
        var elements = 0..<count
        if parts.count > 5, let view = parts[5].elements {
            guard view.count == 3, let offset = view[1].integer, let length = view[2].integer, offset >= 0, length >= 0, offset <= count,
                length <= count - offset
            else { throw Unpickler.damaged("a storage reaches outside the one that it is part of") }
            elements = offset..<offset + length
        }
        try heap.take(256)
        let storage = PickleStorage(key: key, elementType: elementType, elements: elements)
        heap.storages[key] = storage
        return .storage(storage)
    }
}
