import Tensors

/// What a pickle can hold, as far as checkpoints need it. A value is data; nothing in it can run.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case bytes(UnsafeRawBufferPointer)
    case tuple(PickleTuple)
    case list(PickleList)
    case dictionary(PickleDictionary)
    /// A name from the allow-list.
    case global(PickleGlobal)
    // Boxed, to keep all other values small.
    indirect case storage(PickleStorage)
    indirect case tensor(PickleTensor)
    /// Something that is allowed but that no tensor needs: a number of any size, a device, a set, a scalar of numpy.
    case opaque

    var integer: Int? {
        if case .int(let value) = self { value } else { nil }
    }

    var text: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var elements: [PickleValue]? {
        switch self {
        case .tuple(let tuple): tuple.elements
        case .list(let list): list.elements
        default: nil
        }
    }

    /// The numbers of a shape. A longer list than any shape is none, so that it is not read once for each tensor that names it.
    var integers: [Int]? {
        guard let elements, elements.count <= 64 else { return nil }
        let numbers = elements.compactMap(\.integer)
        return numbers.count == elements.count ? numbers : nil
    }

    /// How deeply tuples are nested in it. Lists and dictionaries count as one: the unpickler keeps them all, so nothing recurses through them.
    var depth: Int {
        if case .tuple(let tuple) = self { tuple.depth } else { 0 }
    }
}

final class PickleTuple {
    let elements: [PickleValue]
    let depth: Int

    init(_ elements: [PickleValue]) {
        self.elements = elements
        depth = 1 + (elements.lazy.map(\.depth).max() ?? 0)
    }
}

/// A list can be put into itself, so it is a reference as in Python.
final class PickleList {
    var elements: [PickleValue] = []
}

final class PickleDictionary {
    /// In the order in which they were set; a later pair replaces an earlier one of the same key.
    var pairs: [(key: PickleValue, value: PickleValue)] = []

    func value(_ key: String) -> PickleValue? { pairs.last { $0.key.text == key }?.value }
}

/// A run of numbers that tensors are views of.
struct PickleStorage {
    /// The name of its data in the file.
    var key: String
    /// Nil for bytes that each view gives a type.
    var elementType: ElementType?
    /// In elements (bytes without an element type), counted from the start of the data.
    var elements: Range<Int>
}

/// A view of a storage, not yet checked against the data.
struct PickleTensor {
    var storage: PickleStorage
    var elementType: ElementType
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}
