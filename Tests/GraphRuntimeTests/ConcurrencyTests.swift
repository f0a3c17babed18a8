import Dispatch
import GraphIR
import GraphPasses
import GraphRuntime
import Operators
import Synchronization
import Tensors
import Testing

/// Numbers stored as bfloat16, so that all of them are packed; counts how often each was.
private final class CountedParameters: ParameterSource {
    private let shapes: [String: Shape]
    private let counts = Mutex<[String: Int]>([:])

    init(_ graph: Graph) { shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) }) }

    func parameter(_ key: String) throws -> Tensor {
        let numbers = try MadeUpParameters(shapes: shapes).parameter(key)
        return Tensor(TensorType(.bfloat16, numbers.shape), numbers.floatArray.map { UInt16($0.bitPattern >> 16) })
    }

    func parameterType(_ key: String) throws -> TensorType { TensorType(.bfloat16, shapes[key]!) }

    func releasePages(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }

    var packed: [String: Int] { counts.withLock { $0 } }
}

@Suite struct ConcurrencyTests {
    private static let block = """
        graph block {
          input %x : f32[1, 32, 9, 7]
          parameter @n.weight : f32[32]
          parameter @n.bias : f32[32]
          parameter @c.weight : f32[32, 32, 3, 3]
          parameter @c.bias : f32[32]
          parameter @q.weight : f32[32, 32]
          parameter @k.weight : f32[32, 32]
          parameter @v.weight : f32[32, 32]
          parameter @q.bias : f32[32]
          parameter @k.bias : f32[32]
          parameter @v.bias : f32[32]
          %n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32, 9, 7]
          %s = silu(%n) : f32[1, 32, 9, 7]
          %c = conv2d(%s, @c.weight, @c.bias) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 9, 7]
          %r = add(%c, %x) : f32[1, 32, 9, 7]
          %t = tokens_from_image(%r) : f32[1, 63, 32]
          %q = linear(%t, @q.weight, @q.bias) : f32[1, 63, 32]
          %k = linear(%t, @k.weight, @k.bias) : f32[1, 63, 32]
          %v = linear(%t, @v.weight, @v.bias) : f32[1, 63, 32]
          %a = attention(%q, %k, %v) {head_size = 8, scale = 0.35355338, causal = false} : f32[1, 63, 32]
          %y = image_from_tokens(%a, %x) : f32[1, 32, 9, 7]
          output y = %y
        }
        """

    /// Threads that pack the same programs at once, run their own at once, and run one of them all at once: one filling for each packing, and the bits of
    /// a single thread. To be run with `--sanitize=thread`, too.
    @Test(arguments: Precision.allCases) func packedAndRunByTwoThreads(_ precision: Precision) throws {
        let graph = try optimize(GraphParser.parse(Self.block, registry: .standard)).graph
        var options = RuntimeOptions(pool: ThreadPool(threadCount: 2))
        options.precision = precision
        let inputs = (0..<4).map { ["x": madeUpTensor([1, 32, 9, 7], seed: UInt64($0))] }
        let alone = try Program(graph, parameters: ParameterStore(source: CountedParameters(graph), pool: options.pool), options: options)
        let expected = try inputs.map { try alone.run($0, in: Workspace())["y"]!.floatArray }

        let source = CountedParameters(graph)
        let store = ParameterStore(source: source, pool: options.pool)
        let workspace = Workspace()
        let shared = try ProgramPlan(graph, parameters: store, options: options)
        #expect(source.packed.isEmpty)
        let programs = Mutex<[Program]>([])
        let wrong = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { [options] thread in
            do {
                // Two kinds of threads: those that plan themselves, and those that pack one plan.
                let program = thread % 2 == 0 ? try Program(graph, parameters: store, options: options) : try shared.pack()
                programs.withLock { $0.append(program) }
                let first = programs.withLock { $0[0] }
                for round in 0..<8 {
                    let result = try (round % 2 == 0 ? program : first).run(inputs[thread], in: workspace)["y"]!
                    if result.floatArray != expected[thread] { wrong.withLock { $0.append("thread \(thread), round \(round)") } }
                }
            } catch { wrong.withLock { $0.append("\(error)") } }
        }
        #expect(wrong.withLock { $0 } == [])
        let parameters = Set(graph.parameters.map { graph[$0].name })
        #expect(Set(source.packed.keys) == parameters && source.packed.values.allSatisfy { $0 == 1 })

        // Nothing is kept that nobody holds.
        programs.withLock { $0 = [] }
        _ = try shared.pack()
        #expect(source.packed.values.allSatisfy { $0 == 2 })
    }

    /// A plan says what will be packed, and packing tells how far it is and can be ended.
    @Test func packingReportsItsProgress() throws {
        struct Ended: Error {}
        let graph = try optimize(GraphParser.parse(Self.block, registry: .standard)).graph
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        let source = CountedParameters(graph)
        let plan = try ProgramPlan(graph, parameters: ParameterStore(source: source, pool: options.pool), options: options)
        var reported: [Int] = []
        _ = try plan.pack { reported.append($0) }
        #expect(reported == reported.sorted() && reported.count == plan.packings.count && reported.last == plan.packedByteCount)
        let before = source.packed
        #expect(throws: Ended.self) { try plan.pack { _ in throw Ended() } }
        #expect(source.packed.values.reduce(0, +) < 2 * before.values.reduce(0, +))
    }
}
