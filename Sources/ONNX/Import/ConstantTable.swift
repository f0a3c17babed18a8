import Files
import Foundation
import GraphIR
import GraphRuntime
import Operators
import Tensors

/// A value of the model whose numbers do not depend on its inputs: result `result` of entry `index` of a ``ConstantTable``.
struct ConstantID: Hashable, Sendable {
    var index: Int
    var result: Int
}

/// Constants, computed when they are asked for, by the runtime's own kernels.
///
/// Entries only point to earlier ones. They lie in one array, because chains of many thousand objects that own each other
/// would overflow the stack when they go.
///
/// Sendable, since all that changes is behind the lock, which is recursive: computing a constant asks for others.
final class ConstantTable: @unchecked Sendable {
    /// Nothing with more elements is computed, unless its operands are as large.
    static let elementLimit = 1 << 27
    /// Results up to this size are kept.
    private static let keptByteLimit = 1 << 20
    private static let keptTotalLimit = 1 << 30
    /// Bytes of all that is computed on the way to one constant.
    private static let liveByteLimit = 1 << 32
    /// Elements that are computed in all. Large results are not kept, so that a model can ask for the same ones again and again.
    private static let workLimit = 1 << 36

    private enum Source {
        case tensor(Tensor)
        case initializer(ONNXTensor, isWeight: Bool)
        case computed(any Op, [ConstantID])
    }

    private struct Entry {
        var source: Source
        var types: [TensorType]
        var kept: [Tensor]?
        /// Large results, for as long as somebody else holds them.
        var held: [WeakTensor] = []
    }

    private struct WeakTensor {
        weak var storage: Storage?
        var byteOffset: Int
    }

    private let external: ExternalData
    private var entries: [Entry] = []
    private var literals: [Constant: ConstantID] = [:]
    private var keptByteCount = 0
    private var work = 0
    private let lock = NSRecursiveLock()

    init(external: ExternalData) { self.external = external }

    func type(_ id: ConstantID) -> TensorType { lock.withLock { entries[id.index].types[id.result] } }

    func add(_ tensor: Tensor) -> ConstantID { append(Entry(source: .tensor(tensor), types: [tensor.type])) }

    /// The numbers that an op holds; the same ones give the same constant.
    func add(_ literal: Constant) -> ConstantID {
        lock.withLock {
            if let id = literals[literal] { return id }
            let id = add(literal.tensor())
            literals[literal] = id
            return id
        }
    }

    /// Where a tensor of the model stands there.
    enum Standing {
        case attribute, initializer
        /// In a model of our own, whose initialisers are its parameters.
        case parameter
    }

    /// A tensor of the model, whose declared size is compared with its data.
    func add(_ tensor: ONNXTensor, as standing: Standing) throws -> ConstantID {
        try tensor.check(external)
        let type = try tensor.type()
        let isWeight =
            switch standing {
            case .attribute: type.elementType.isFloatingPoint && type.elementCount > Constant.valueCountLimit
            case .initializer: type.elementType.isFloatingPoint && type.elementCount > 1
            case .parameter: true
            }
        return append(Entry(source: .initializer(tensor, isWeight: isWeight), types: [type]))
    }

    /// What an op makes of constants, or nil where that is too large to be computed beforehand.
    func add(_ op: any Op, _ operands: [ConstantID], types: [TensorType]) -> [ConstantID]? {
        let largestOperand = operands.map { type($0).elementCount }.max() ?? 0
        guard types.allSatisfy({ $0.elementCount <= max(ConstantTable.elementLimit, largestOperand) }) else { return nil }
        let id = append(Entry(source: .computed(op, operands), types: types))
        return types.indices.map { ConstantID(index: id.index, result: $0) }
    }

    private func append(_ entry: Entry) -> ConstantID {
        lock.withLock {
            entries.append(entry)
            return ConstantID(index: entries.count - 1, result: 0)
        }
    }

    /// The op that computes a constant, and its operands.
    func computation(_ id: ConstantID) -> (op: any Op, operands: [ConstantID])? {
        lock.withLock { if case .computed(let op, let operands) = entries[id.index].source { (op, operands) } else { nil } }
    }

    /// Whether a constant is one of the model's weights, not a number that its arithmetic needs.
    func isWeight(_ id: ConstantID) -> Bool {
        lock.withLock { if case .initializer(_, let isWeight) = entries[id.index].source { isWeight } else { false } }
    }

    /// The entries that a constant is computed from, itself included.
    func sources(of id: ConstantID) -> Set<Int> {
        lock.withLock {
            var found: Set<Int> = [id.index]
            var stack = [id.index]
            while let index = stack.popLast() {
                guard case .computed(_, let operands) = entries[index].source else { continue }
                for operand in operands where found.insert(operand.index).inserted { stack.append(operand.index) }
            }
            return found
        }
    }

    /// The numbers.
    func tensor(_ id: ConstantID) throws -> Tensor { try lock.withLock { try evaluate(id.index)[id.result] } }

    /// Says that the pages of external data that a constant was read from are not needed for now.
    func releasePages(_ id: ConstantID) {
        lock.withLock {
            for index in sources(of: id) {
                if case .initializer(let tensor, _) = entries[index].source { tensor.releasePages(external) }
            }
        }
    }

    private func evaluate(_ index: Int) throws -> [Tensor] {
        var done: [Int: [Tensor]] = [:]
        var stack = [index]
        var liveByteCount = 0
        while let next = stack.last {
            guard done[next] == nil else {
                stack.removeLast()
                continue
            }
            if let known = known(next) {
                done[next] = known
                continue
            }
            switch entries[next].source {
            case .tensor(let tensor): done[next] = [tensor]
            case .initializer(let initializer, _): done[next] = [try initializer.load(external)]
            case .computed(let op, let operands):
                let missing = operands.filter { done[$0.index] == nil }
                guard missing.isEmpty else {
                    stack += missing.map(\.index)
                    continue
                }
                liveByteCount += entries[next].types.reduce(0) { $0 + $1.byteCount }
                work += entries[next].types.reduce(0) { $0 + $1.elementCount }
                guard liveByteCount <= ConstantTable.liveByteLimit, work <= ConstantTable.workLimit else {
                    throw InputError("its constants take too much to be computed beforehand")
                }
                done[next] = try OpEvaluator.evaluate(op, operands.map { done[$0.index]![$0.result] })
            }
            keep(done[next]!, for: next)
        }
        return done[index]!
    }

    private func known(_ index: Int) -> [Tensor]? {
        if let kept = entries[index].kept { return kept }
        guard !entries[index].held.isEmpty else { return nil }
        var tensors: [Tensor] = []
        for (held, type) in zip(entries[index].held, entries[index].types) {
            guard let storage = held.storage else { return nil }
            tensors.append(Tensor(type: type, storage: storage, byteOffset: held.byteOffset))
        }
        return tensors
    }

    private func keep(_ tensors: [Tensor], for index: Int) {
        let size = tensors.reduce(0) { $0 + $1.type.byteCount }
        if size <= ConstantTable.keptByteLimit, keptByteCount + size <= ConstantTable.keptTotalLimit {
            entries[index].kept = tensors
            keptByteCount += size
        } else {
            entries[index].held = tensors.map { WeakTensor(storage: $0.storage, byteOffset: $0.byteOffset) }
        }
    }
}
