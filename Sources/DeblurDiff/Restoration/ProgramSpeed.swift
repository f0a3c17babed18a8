import Files
import Foundation
import GraphIR
import GraphRuntime
import Tensors

/// How fast this machine makes a program ready and runs it.
struct ProgramSpeed: Codable, Hashable, Sendable {
    /// Of one run.
    var operations: Double
    var packingSeconds: Double
    /// Of one run.
    var seconds: Double
    /// What the processors could do when this was measured, as ``MachineLimits`` says.
    var limit = 0.0

    var isSound: Bool {
        [operations, packingSeconds, seconds, limit].allSatisfy { $0.isFinite && $0 >= 0 } && operations > 0 && seconds < 1e6 && limit > 0
    }

    /// How many times as long it takes on processors that can do so much now. Other programs may have had a share of them, then or now; small differences are chance.
    func drift(to now: Double) -> Double {
        let ratio = limit / max(now, 0.1)
        return (0.67...1.5).contains(ratio) ? 1 : min(max(ratio, 0.1), 10)
    }
}

extension DeblurDiffModel {
    /// Times a graph: as a whole where that is small; else its kernels, each kind of call once, by itself, with the model's own weights. Networks repeat themselves, so that
    /// this takes a part of the time and of the memory that the whole program does; but what would be far away stays near.
    func measureSpeed(_ graph: Graph) throws -> ProgramSpeed {
        var speed = ProgramSpeed(operations: Double(graph.floatingPointOperations), packingSeconds: 0, seconds: 0)
        var known: [String: (packing: Double, run: Double)] = [:]
        let plan = try plan(graph)
        if plan.packedByteCount + plan.memory.arenaByteCount < 1 << 30 {
            (speed.packingSeconds, speed.seconds) = try measure(graph)
            return speed
        }
        for id in plan.steps.flatMap(\.nodes) {
            let node = graph[id]
            let operands = node.operands.map { "\(graph[$0].isParameter) \(graph.type($0))" }
            let kind = "\(node.op) \(operands) \(graph.resultTypes(node))"
            let times =
                try known[kind]
                ?? measure(
                    graph.extract(
                        "piece", nodes: [id],
                        outputs: node.results.enumerated().map {
                            Graph.Output(name: "\($0.offset)", value: $0.element)
                        }))
            known[kind] = times
            speed.packingSeconds += times.packing
            speed.seconds += times.run
        }
        return speed
    }

    private func measure(_ piece: Graph) throws -> (packing: Double, run: Double) {
        let start = ContinuousClock.now
        let program = try program(piece)
        let packing = start.duration(to: .now) / .seconds(1)
        // Not zeros, on which processors draw less power and run faster.
        var random = SeededGenerator(state: 1)
        let inputs = Dictionary(
            uniqueKeysWithValues: piece.inputs.map { input in
                let type = piece.type(input)
                guard type.elementType == .float32 else { return (piece[input].name, Tensor(type)) }
                let tensor = Tensor(type) { (floats: UnsafeMutableBufferPointer<Float>) in
                    for index in floats.indices { floats[index] = Float(Int64(bitPattern: random.next()) >> 40) * 0x1p-23 }
                }
                return (piece[input].name, tensor)
            })
        let workspace = Workspace()
        // With what is put out, and not the kernels alone.
        func run() throws -> Double {
            let start = ContinuousClock.now
            _ = try program.run(inputs, in: workspace)
            return start.duration(to: .now) / .seconds(1)
        }
        // The first run touches memory for the first time, which a whole program's runs do once in all.
        let first = try run()
        // The middle of three, or the better of two that take long: another program may hold up one of them.
        let runs = try first > 1 ? [first, run()] : (0..<3).map { _ in try run() }
        return (packing, runs.sorted()[(runs.count - 1) / 2])
    }
}
