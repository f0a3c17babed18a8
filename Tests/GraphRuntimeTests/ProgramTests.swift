import CKernels
import Files
import GraphIR
import GraphRuntime
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Tensors made up from their key.
struct MadeUpParameters: ParameterSource {
    let shapes: [String: Shape]

    func parameter(_ key: String) throws -> Tensor {
        guard let shape = shapes[key] else { throw InputError("no such tensor", at: key) }
        return madeUpTensor(shape, seed: key.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    }
}

func madeUpTensor(_ shape: Shape, seed: UInt64) -> Tensor {
    var random = SeededGenerator(state: seed)
    return Tensor((0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &random) }, shape: shape)
}

@Suite struct ProgramTests {
    private func parse(_ text: String) throws -> Graph { try GraphParser.parse(text, registry: .standard) }

    private func program(_ graph: Graph, threads: Int = 2, reusesMemory: Bool = true, precision: Precision = .float32) throws -> Program {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: threads))
        (options.reusesMemory, options.precision) = (reusesMemory, precision)
        let shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        let store = ParameterStore(source: MadeUpParameters(shapes: shapes), pool: options.pool)
        return try Program(graph, parameters: store, options: options)
    }

    private func run(_ graph: Graph, threads: Int = 2, reusesMemory: Bool = true, precision: Precision = .float32) throws -> [String: [Float]] {
        let program = try program(graph, threads: threads, reusesMemory: reusesMemory, precision: precision)
        #expect(program.plan.memory.violations() == [])
        let inputs = graph.inputs.enumerated().map { index, id in
            (graph[id].name, madeUpTensor(graph.type(id).shape, seed: UInt64(index + 1)))
        }
        return try program.run(Dictionary(uniqueKeysWithValues: inputs), in: Workspace()).mapValues(\.floatArray)
    }

    /// A block with views, values read twice, results in place, and an input that is an output.
    private let block = """
        graph block {
          input %x : f32[1, 32, 5, 7]
          parameter @n.weight : f32[32]
          parameter @n.bias : f32[32]
          parameter @c.weight : f32[32, 32, 3, 3]
          parameter @c.bias : f32[32]
          parameter @q.weight : f32[96, 32]
          %n = group_norm(%x, @n.weight, @n.bias) {groups = 8, epsilon = 1e-05} : f32[1, 32, 5, 7]
          %s = silu(%n) : f32[1, 32, 5, 7]
          %c = conv2d(%s, @c.weight, @c.bias) {stride = [1, 1], padding = [1, 1, 1, 1]} : f32[1, 32, 5, 7]
          %r = add(%c, %x) : f32[1, 32, 5, 7]
          %t = tokens_from_image(%r) : f32[1, 35, 32]
          %qkv = linear(%t, @q.weight) : f32[1, 35, 96]
          %q, %k, %v = split(%qkv) {axis = 2, parts = 3} : f32[1, 35, 32], f32[1, 35, 32], f32[1, 35, 32]
          %qh = unflatten(%q) {axis = 2, sizes = [-1, 8]} : f32[1, 35, 4, 8]
          %qt = transpose(%qh) {permutation = [0, 2, 1, 3]} : f32[1, 4, 35, 8]
          %kh = unflatten(%k) {axis = 2, sizes = [-1, 8]} : f32[1, 35, 4, 8]
          %kt = transpose(%kh) {permutation = [0, 2, 1, 3]} : f32[1, 4, 35, 8]
          %vh = unflatten(%v) {axis = 2, sizes = [-1, 8]} : f32[1, 35, 4, 8]
          %vt = transpose(%vh) {permutation = [0, 2, 1, 3]} : f32[1, 4, 35, 8]
          %scores = matmul(%qt, %kt) {transpose_b = true} : f32[1, 4, 35, 35]
          %scaled = scale(%scores) {factor = 0.35355338} : f32[1, 4, 35, 35]
          %p = softmax(%scaled) : f32[1, 4, 35, 35]
          %m = matmul(%p, %vt) {transpose_b = false} : f32[1, 4, 35, 8]
          %mt = transpose(%m) {permutation = [0, 2, 1, 3]} : f32[1, 35, 4, 8]
          %mf = flatten(%mt) {first = 2, last = 3} : f32[1, 35, 32]
          %o = add(%mf, %t) : f32[1, 35, 32]
          %i = image_from_tokens(%o, %x) : f32[1, 32, 5, 7]
          %a, %b = split(%i) {axis = 1, parts = 2} : f32[1, 16, 5, 7], f32[1, 16, 5, 7]
          %ab = multiply(%a, %b) : f32[1, 16, 5, 7]
          %y = concat(%ab, %b, %x) {axis = 1} : f32[1, 64, 5, 7]
          output y = %y
          output scores = %scores
          output same = %x
        }
        """

    @Test func memoryReuseDoesNotChangeResults() throws {
        let graph = try parse(block)
        let reused = try run(graph)
        let separate = try run(graph, reusesMemory: false)
        #expect(reused == separate)
        #expect(reused["same"] == madeUpTensor([1, 32, 5, 7], seed: 1).floatArray)
    }

    @Test(arguments: [1, 2, 3]) func threadsDoNotChangeResults(threads: Int) throws {
        let graph = try parse(block)
        #expect(try run(graph, threads: threads) == run(graph, threads: 2))
    }

    /// The fused attention computes what its parts do.
    @Test func attentionIsItsParts() throws {
        let fused = try parse(
            """
            graph fused {
              input %q : f32[1, 35, 96]
              %y = attention(%q) {head_size = 8, scale = 0.35355338, causal = false, packing = query_key_value} : f32[1, 35, 32]
              output y = %y
            }
            """)
        let packed = try run(fused)["y"]!
        let qkv = madeUpTensor([1, 35, 96], seed: 1).floatArray
        var expected = [Float](repeating: 0, count: 35 * 32)
        for head in 0..<4 {
            for i in 0..<35 {
                let scores = (0..<35).map { j in
                    (0..<8).reduce(0.0) { $0 + Double(qkv[i * 96 + head * 8 + $1]) * Double(qkv[j * 96 + 32 + head * 8 + $1]) } * 0.35355338
                }
                let weights = scores.map { exponential($0 - scores.max()!) }
                let sum = weights.reduce(0, +)
                for d in 0..<8 {
                    expected[i * 32 + head * 8 + d] = Float(
                        (0..<35).reduce(0.0) { $0 + weights[$1] * Double(qkv[$1 * 96 + 64 + head * 8 + d]) } / sum)
                }
            }
        }
        #expect(zip(packed, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    /// A transformer's block: what attention alone reads, which multiplies bfloat16, is stored so, and no result changes by a bit.
    @Test func bfloat16StoresWhatAttentionRounds() throws {
        func block(_ outputs: String...) throws -> Graph {
            try parse(
                """
                graph block {
                  input %x : f32[1, 35, 32]
                  input %kv : f32[1, 9, 64]
                  parameter @qkv : f32[96, 32]
                  parameter @q : f32[32, 32]
                  parameter @ff : f32[256, 32]
                  parameter @o : f32[32, 128]
                  %packed = linear(%x, @qkv) : f32[1, 35, 96]
                  %a = attention(%packed) {head_size = 8, scale = 0.35355338, causal = false, packing = query_key_value} : f32[1, 35, 32]
                  %q = linear(%a, @q) : f32[1, 35, 32]
                  %c = attention(%q, %kv) {head_size = 8, scale = 0.35355338, causal = false, packing = key_value} : f32[1, 35, 32]
                  %g = linear(%c, @ff) {epilogue = [geglu]} : f32[1, 35, 128]
                  %y = linear(%g, @o) : f32[1, 35, 32]
                \(outputs.map { "output \($0) = %\($0)" }.joined(separator: "\n"))
                }
                """)
        }
        // Where attention has no instructions for bfloat16 it multiplies integers, and nothing is stored rounded.
        let width = dd_attention_16_bit_precision() == DD_PRECISION_BFLOAT16 ? 2 : 4
        let narrow = try program(block("y"), precision: .int16)
        let bytes = Dictionary(narrow.plan.memory.buffers.map { ($0.label, $0.byteCount) }, uniquingKeysWith: { first, _ in first })
        #expect(["packed": 96, "q": 32].allSatisfy { bytes[$0.key] == 35 * $0.value * width })
        // Where 'q' is as wide as 'c', 'c' takes its memory over.
        #expect(["a": 32, width == 4 ? "q" : "c": 32, "g": 128].allSatisfy { bytes[$0.key] == 35 * $0.value * 4 })
        #expect(try program(block("y")).plan.memory.buffers.contains { $0.label == "packed" && $0.byteCount == 35 * 96 * 4 })

        let exact = try run(block("y"))["y"]!
        let stored = try run(block("y"), precision: .int16)["y"]!
        // Outputs are float32, and rounded by attention itself.
        #expect(try run(block("y", "g"), precision: .int16)["y"]! == stored)
        #expect(try run(block("y", "q", "c"), precision: .int16)["y"]! == stored)
        let scale = exact.map(abs).max()!
        #expect(zip(stored, exact).allSatisfy { abs($0 - $1) < 0.03 * scale })
        // What an observer sees is float32 whatever memory holds.
        var seen: [String: Tensor] = [:]
        let inputs = ["x": madeUpTensor([1, 35, 32], seed: 1), "kv": madeUpTensor([1, 9, 64], seed: 2)]
        _ = try narrow.run(inputs, in: Workspace()) { seen[narrow.graph.name(of: $0.step.node)] = $0.results[0] }
        let wide = try run(block("y", "packed"), precision: .int16)["packed"]!
        #expect(zip(seen["packed"]!.floatArray, wide).allSatisfy { abs($0 - $1) <= abs($1) / 256 })
    }

    /// Values that are made long before they are read wait in memory only where the order cannot be changed.
    @Test func orderLowersThePeak() throws {
        let early = (0..<8).map { "%e\($0) = silu(%x) : f32[64, 64]" }
        let sums = (0..<8).map { "%s\($0) = add(\($0 == 0 ? "%x" : "%s\($0 - 1)"), %e\($0)) : f32[64, 64]" }
        let graph = try parse("graph g {\n input %x : f32[64, 64]\n\((early + sums).joined(separator: "\n"))\n output y = %s7\n}")
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        let program = try Program(graph, parameters: ParameterStore(source: MadeUpParameters(shapes: [:]), pool: options.pool), options: options)
        #expect(program.plan.memory.arenaByteCount <= 3 * 64 * 64 * 4)
        #expect(program.plan.memory.violations() == [])
        let x = madeUpTensor([64, 64], seed: 1)
        let y = try program.run(["x": x], in: Workspace())["y"]!.floatArray
        #expect(zip(y, x.floatArray).allSatisfy { abs($0 - ($1 + 8 * $1 / (1 + Float(exponential(Double(-$1)))))) < 1e-4 })
    }

    @Test func inputsOfAnotherTypeAreRefused() throws {
        let graph = try parse("graph g {\n input %x : f32[2, 3]\n %y = silu(%x) : f32[2, 3]\n output y = %y\n}")
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        let program = try Program(graph, parameters: ParameterStore(source: MadeUpParameters(shapes: [:]), pool: options.pool), options: options)
        #expect(throws: InputError.self) { try program.run(["x": Tensor([1, 2, 3] as [Float], shape: [3])], in: Workspace()) }
        #expect(throws: InputError.self) { try program.run([:], in: Workspace()) }
    }
}

/// exp by its series, so that the test shares no code with what it tests.
private func exponential(_ x: Double) -> Double {
    var (sum, term) = (1.0, 1.0)
    let half = x / 16
    for n in 1..<30 {
        term *= half / Double(n)
        sum += term
    }
    return (0..<4).reduce(sum) { value, _ in value * value }
}
