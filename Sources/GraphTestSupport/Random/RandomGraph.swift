import Files
import Foundation
import GraphIR
import Operators
import Tensors

/// Graphs of all ops in all layouts, made up from a seed.
public enum RandomGraph {
    private static let inputShapes: [Shape] = [
        [1, 16, 8, 12], [2, 16, 6, 8], [1, 1, 8, 12], [1, 16, 1, 1], [2, 1, 5, 5], [1, 3, 7, 5], [2, 8, 4, 4], [1, 32, 3, 4], [1, 8, 1, 9], [1, 20, 16],
        [2, 12, 24], [1, 1, 8], [1, 16], [3, 40], [6], [],
    ]

    /// Layers and what networks put around them, which are to meet more often than the others.
    private static let usual = ["conv2d", "linear", "group_norm", "layer_norm", "attention", "add", "silu", "concat", "split", "unary", "convert_layout"]

    public static func make(seed: UInt64) -> Graph {
        var maker = Maker(random: SeededGenerator(state: seed))
        return maker.make()
    }

    /// Enumerating the uses of a type takes longer than running some.
    private final class Uses: Sendable {
        private let known = Locked<[TensorType: [String: [OpUse]]]>([:])

        func of(_ type: TensorType) -> [String: [OpUse]] {
            known.withLock { known in
                if let uses = known[type] { return uses }
                let uses = Dictionary(grouping: OpUse.all(of: type).filter { !$0.hasPoles }) { $0.op.name }
                if known.count > 5000 { known = [:] }
                known[type] = uses
                return uses
            }
        }
    }

    private static let uses = Uses()

    private struct Maker {
        var random: SeededGenerator
        var builder = GraphBuilder(name: "random")
        var values: [ValueID] = []
        /// Values whose bits do not depend on how they are computed; only of these may thresholds be asked.
        var exact: Set<ValueID> = []
        var inputCount = 0
        var read: Set<ValueID> = []

        mutating func oneOf(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

        mutating func input(_ type: TensorType) -> ValueID {
            inputCount += 1
            let id = builder.input("x\(inputCount)", type)
            exact.insert(id)
            return id
        }

        mutating func make() -> Graph {
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let shape = inputShapes.randomElement(using: &random)!
                let isChannelsLast = shape.rank == 4 && oneOf(4)
                let type: ElementType = oneOf(12) ? [.int32, .int64, .bool, .uint8].randomElement(using: &random)! : .float32
                values.append(input(TensorType(type, shape, layout: isChannelsLast ? .channelsLast : .rowMajor)))
            }
            let wanted = Int.random(in: 3...14, using: &random)
            var made = 0
            for _ in 0..<5 * wanted where made < wanted { if applySomething(made) { made += 1 } }
            var outputs = 0
            for value in values where builder.graph.producer(of: value) != nil && (!read.contains(value) || oneOf(8)) {
                builder.output("y\(outputs)", value)
                outputs += 1
            }
            if outputs == 0 { builder.output("y", values[0]) }
            return builder.graph
        }

        mutating func applySomething(_ index: Int) -> Bool {
            let subject = oneOf(4) ? values.randomElement(using: &random)! : values.suffix(3).randomElement(using: &random)!
            let byName = uses.of(builder.type(subject))
            let names = byName.keys.sorted()
            let preferred = names.filter(usual.contains)
            guard let name = (oneOf(2) && !preferred.isEmpty ? preferred : names).randomElement(using: &random),
                let use = byName[name]!.randomElement(using: &random),
                !use.isSensitive || exact.contains(subject)
            else { return false }
            var maker = self
            let applied = try? use.apply(to: subject, in: &maker.builder, parameterName: "p\(index)") { type, builder in
                let fitting = values.filter { self.builder.type($0) == type && (!use.isSensitive || exact.contains($0)) }
                if !oneOf(4), let value = fitting.randomElement(using: &random) { return value }
                inputCount += 1
                let id = builder.input("x\(inputCount)", type)
                exact.insert(id)
                return id
            }
            guard let applied else { return false }
            builder = maker.builder
            read.formUnion(applied.operands)
            let isExact =
                use.isExact
                && applied.operands.allSatisfy {
                    exact.contains($0) || builder.graph[$0].isParameter || builder.graph.producer(of: $0).map { builder.graph[$0].op is Constant } == true
                }
            if isExact { exact.formUnion(applied.results) }
            values += applied.results
            return true
        }
    }
}

extension OpUse {
    /// Whether it can make numbers that are not finite, or grow small differences without bound.
    var hasPoles: Bool {
        if let unary = op as? Unary {
            return [.exp, .log, .sqrt, .reciprocal, .tan, .asin, .acos, .sinh, .cosh, .acosh, .atanh].contains(unary.function)
        }
        if let binary = op as? Binary { return [.divide, .power, .modulo, .remainder].contains(binary.function) && isSensitive }
        if let reduce = op as? Reduce { return reduce.function == .product || reduce.function == .logSum }
        return op is CausalMask
    }
}
