import Files
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import Tensors

/// Optimised graphs and programs of a model by what they compute, each made once, at its first use. Threads may share it.
///
/// Graphs are small and stay. A program stays as long as somebody holds it, so that those who run it say when its weights may go; or until there are many others.
final class ProgramCache: Sendable {
    /// What decides a graph.
    struct Key: Hashable, Sendable {
        var graph: String
        var inputs: [String: TensorType] = [:]
        /// Of the control network's outputs, in a step.
        var strength: Float = 1
        /// Of a step; nil for its result alone.
        var outputs: Set<String>?
        /// Of a step that does not run as a whole.
        var cut: CutStages?
        /// Of a program.
        var arenaLimit: Int?
        /// Of a step: what it makes of the photograph alone is made each time, and not kept, since it is as large as the photograph.
        var savesMemory: Bool { arenaLimit != nil }

        /// What decides the graph of a program.
        var withoutLimit: Key {
            var key = self
            key.arenaLimit = savesMemory ? .max : nil
            return key
        }
    }

    private struct Entry {
        weak var program: Program?
        var kept: Program?
        /// When it was last asked for, in requests.
        var use = 0
    }

    private struct Programs {
        var entries: [Key: Entry] = [:]
        var uses = 0
    }

    private let keepsPrograms: Bool
    private let programs = Locked(Programs())
    private let graphs = Locked<[Key: GraphStages]>([:])
    private let steps = Locked<[Key: OptimizedStep]>([:])
    private let plans = Locked<[Key: ProgramPlan]>([:])
    /// So many images of sizes of their own, and no more, are remembered.
    private static let graphLimit = 64
    /// So many programs are kept that nobody holds: those of photographs of a few sizes.
    static let programLimit = 48

    init(keepsPrograms: Bool) { self.keepsPrograms = keepsPrograms }

    func graph(_ key: Key, make: () throws -> GraphStages) rethrows -> GraphStages { try ProgramCache.remember(key.withoutLimit, in: graphs, make) }

    /// Of a key with a limit: deciding on strips takes a while.
    func plan(_ key: Key, make: () throws -> ProgramPlan) rethrows -> ProgramPlan { try ProgramCache.remember(key, in: plans, make) }

    func step(_ key: Key, make: () throws -> OptimizedStep) rethrows -> OptimizedStep { try ProgramCache.remember(key.withoutLimit, in: steps, make) }

    private static func remember<Value: Sendable>(_ key: Key, in known: Locked<[Key: Value]>, _ make: () throws -> Value) rethrows -> Value {
        if let value = known.withLock({ $0[key] }) { return value }
        let made = try make()
        known.withLock { known in
            if known.count >= graphLimit { known = [:] }
            known[key] = made
        }
        return made
    }

    /// The program of a key. While one is made, others wait: making it uses all processors, and may be just what they wait for.
    func program(_ key: Key, make: () throws -> Program) throws -> Program {
        try programs.withLock { programs in
            programs.uses += 1
            if let known = programs.entries[key]?.program {
                programs.entries[key]!.use = programs.uses
                return known
            }
            let program = try make()
            programs.entries = programs.entries.filter { $0.value.program != nil }
            programs.entries[key] = Entry(program: program, kept: keepsPrograms ? program : nil, use: programs.uses)
            let kept = programs.entries.filter { $0.value.kept != nil }
            if kept.count > ProgramCache.programLimit, let oldest = kept.min(by: { $0.value.use < $1.value.use }) { programs.entries[oldest.key]!.kept = nil }
            return program
        }
    }
}
