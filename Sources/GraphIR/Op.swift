import Files
import Tensors

/// What kind of work an op is, for colours and summaries.
public enum OpFamily: String, Codable, CaseIterable, Sendable {
    case convolution, product, attention, normalization, activation, elementwise, movement, other
}

/// One kind of computation: a small value whose stored properties are its attributes.
///
/// Equality, hashing, the text form and the file form all follow from the stored properties, so an op is written in one
/// file and nowhere else. An op carries no size that the image decides: the types of its results follow from those of its
/// operands alone, so that a graph made for one image size becomes one for another by inferring types again.
public protocol Op: Hashable, Codable, Sendable {
    /// The name in the text form, a noun in snake case.
    static var name: String { get }

    static var family: OpFamily { get }

    /// Whether its operands may change places.
    var isCommutative: Bool { get }

    /// Whether its one result always has the type of the first operand.
    var keepsType: Bool { get }

    /// The types of the results for operands of these types; throws `InputError` where they do not fit.
    func inferTypes(_ operands: [TensorType]) throws -> [TensorType]

    /// Whether the numbers of this operand are read; false where only its type matters.
    func readsData(ofOperand index: Int) -> Bool

    /// The arithmetic work, in floating-point operations (a multiply-add counts as two).
    func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int
}

extension Op {
    public var isCommutative: Bool { false }
    public var keepsType: Bool { false }

    public func readsData(ofOperand index: Int) -> Bool { true }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        results.reduce(0) { $0 + $1.elementCount }
    }

    public var name: String { Self.name }

    /// Whether another op is of the same kind with the same attributes.
    public func isEqual(to other: any Op) -> Bool { (other as? Self) == self }

    /// The attributes as they stand in the text form, in the order of the properties.
    public var attributes: AttributeDictionary { AttributeEncoder.encode(self) }
}

/// An op whose one result has the operand's elements in their order, with other dimensions: it never moves a number.
public protocol ReshapingOp: Op {}

/// The kinds of op that a parser knows, by name.
public struct OpRegistry: Sendable {
    private var kinds: [String: any Op.Type] = [:]

    public init(_ kinds: [any Op.Type]) {
        for kind in kinds {
            precondition(self.kinds[kind.name] == nil, "two ops named \(kind.name)")
            self.kinds[kind.name] = kind
        }
    }

    /// These ops and more: `OpRegistry.standard.adding(Mish.self)`.
    public func adding(_ kinds: any Op.Type...) -> OpRegistry { OpRegistry(Array(self.kinds.values) + kinds) }

    public var names: [String] { kinds.keys.sorted() }

    public subscript(name: String) -> (any Op.Type)? { kinds[name] }

    /// Makes the op of that name with these attributes.
    public func makeOp(_ name: String, attributes: AttributeDictionary) throws -> any Op {
        guard let kind = kinds[name] else {
            throw InputError("unknown op '\(name)'", advice: "The file may come from a newer version of deblurdiff.")
        }
        func decode<T: Op>(_ type: T.Type) throws -> any Op { try AttributeDecoder.decode(type, from: attributes) }
        do {
            let op = try decode(kind)
            let known = op.attributes
            if let unknown = attributes.entries.first(where: { known[$0.key] == nil }) {
                throw InputError("op '\(name)' has no attribute '\(unknown.key)'", advice: "The file may come from a newer version of deblurdiff.")
            }
            return op
        } catch let error as DecodingError {
            throw InputError("op '\(name)' has bad attributes: \(AttributeDecoder.describe(error))")
        }
    }
}
