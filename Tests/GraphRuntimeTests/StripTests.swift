import Files
import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Programs that run strip by strip.
@Suite struct StripTests {
    /// A decoder in small: residual blocks with norms, one with more channels in front, tokens, an upsampling, and a smaller image at the end.
    private func decoder(channels: Int, height: Int, width: Int) throws -> Graph {
        var builder = GraphBuilder(name: "decoder")
        func parameter(_ name: String, _ shape: Shape) -> ValueID { builder.parameter(name, TensorType(.float32, shape)) }
        func convolution(_ name: String, _ x: ValueID, _ outputs: Int, kernel: Int = 3, stride: Int = 1, padding: [Int]? = nil) throws -> ValueID {
            let inputs = builder.type(x).shape[1]
            return try builder.apply(
                Conv2D(stride: [stride, stride], padding: padding ?? [Int](repeating: kernel / 2, count: 4)), x,
                parameter("\(name).weight", [outputs, inputs, kernel, kernel]), parameter("\(name).bias", [outputs]))
        }
        func normalised(_ name: String, _ x: ValueID) throws -> ValueID {
            let channels = builder.type(x).shape[1]
            let norm = GroupNorm(groups: 4, epsilon: 1e-5)
            return try builder.apply(SiLU(), builder.apply(norm, x, parameter("\(name).scale", [channels]), parameter("\(name).shift", [channels])))
        }
        func block(_ name: String, _ x: ValueID, _ outputs: Int) throws -> ValueID {
            let first = try convolution("\(name).first", normalised("\(name).norm1", x), outputs)
            let second = try convolution("\(name).second", normalised("\(name).norm2", first), outputs)
            let shortcut = builder.type(x).shape[1] == outputs ? x : try convolution("\(name).shortcut", x, outputs, kernel: 1)
            return try builder.apply(Add(), second, shortcut)
        }
        let x = builder.input("x", TensorType(.float32, [1, 4, height, width]))
        var y = try convolution("in", x, 2 * channels)
        y = try block("a", y, 2 * channels)
        let tokens = try builder.apply(TokensFromImage(), y)
        let mixed = try builder.apply(Linear(), tokens, parameter("mix.weight", [2 * channels, 2 * channels]), parameter("mix.bias", [2 * channels]))
        y = try builder.apply(ImageFromTokens(), builder.apply(Add(), mixed, tokens), y)
        y = try convolution("up", builder.apply(UpsampleNearest(factor: 2), y), 2 * channels)
        y = try block("b", y, channels)
        y = try block("c", y, channels)
        let small = try convolution("down", y, channels, stride: 2, padding: [0, 0, 1, 1])
        builder.output("small", try convolution("small", builder.apply(SiLU(), small), 3))
        builder.output("y", try convolution("out", normalised("out", y), 3))
        return try optimize(builder.graph).graph
    }

    private func program(_ graph: Graph, threads: Int = 2, _ set: (inout RuntimeOptions) -> Void = { _ in }) throws -> Program {
        let (store, options) = try setUp(graph, threads: threads, set)
        return try Program(graph, parameters: store, options: options)
    }

    private func setUp(_ graph: Graph, threads: Int = 2, _ set: (inout RuntimeOptions) -> Void = { _ in }) throws -> (ParameterStore, RuntimeOptions) {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: threads))
        set(&options)
        let shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        return (ParameterStore(source: MadeUpParameters(shapes: shapes), pool: options.pool), options)
    }

    private func bits(_ program: Program) throws -> [String: [UInt32]] {
        let inputs = program.graph.inputs.map {
            (program.graph[$0].name, madeUpTensor(program.graph.type($0).shape, seed: 3).converted(to: program.graph.type($0).layout))
        }
        return try program.run(Dictionary(uniqueKeysWithValues: inputs), in: Workspace()).mapValues { $0.floatArray.map(\.bitPattern) }
    }

    /// Sizes at which convolutions are direct, F(2x2), F(4x4), F(6x6) and of stride 2 in the manner of Winograd, none of which divides the images.
    @Test(arguments: [(8, 9, 7), (32, 17, 21), (32, 37, 23), (16, 149, 131)], Precision.allCases)
    func stripsGiveTheSameBits(_ sizes: (channels: Int, height: Int, width: Int), _ precision: Precision) throws {
        let graph = try decoder(channels: sizes.channels, height: sizes.height, width: sizes.width)
        let expected = try bits(program(graph) { $0.precision = precision })
        for threads in [1, 3] {
            let stripped = try program(graph, threads: threads) { ($0.precision, $0.stripsEverything) = (precision, true) }
            #expect(stripped.plan.memory.violations() == [])
            #expect(stripped.steps.contains { ($0.strips?.strips ?? 0) > 1 && $0.nodes.count > 3 })
            #expect(try bits(stripped) == expected)
        }
    }

    /// Windows that overlap, with norms, projections and attention inside, to other windows' tokens and to a text; per-pixel norms; and predicted kernels.
    private func windowed(height: Int, width: Int, window: Int) throws -> Graph {
        var builder = GraphBuilder(name: "windows")
        let channels = 32
        func parameter(_ name: String, _ shape: Shape) -> ValueID { builder.parameter(name, TensorType(.float32, shape)) }
        func convolution(_ name: String, _ x: ValueID, _ outputs: Int) throws -> ValueID {
            let weight = parameter("\(name).weight", [outputs, builder.type(x).shape[1], 3, 3])
            return try builder.apply(Conv2D(padding: [1, 1, 1, 1]), x, weight, parameter("\(name).bias", [outputs]))
        }
        func linear(_ name: String, _ x: ValueID, _ outputs: Int) throws -> ValueID {
            try builder.apply(Linear(), x, parameter("\(name).weight", [outputs, builder.type(x).shape[2]]), parameter("\(name).bias", [outputs]))
        }
        func normalised(_ name: String, _ x: ValueID) throws -> ValueID {
            try builder.apply(LayerNorm(), x, parameter("\(name).scale", [channels]), parameter("\(name).shift", [channels]))
        }
        let x = builder.input("x", TensorType(.float32, [1, 8, height, width]))
        let text = builder.input("text", TensorType(.float32, [1, 5, 2 * channels]))
        var y = try convolution("in", x, channels)
        var tokens = try normalised("pixels", builder.apply(TokensFromImage(), y))
        // Queries of the whole image see the text.
        let seen = try builder.apply(Attention(headSize: 16, scale: 0.25, packing: .keyValue), linear("whole", tokens, channels), text)
        let image = try builder.apply(ImageFromTokens(), seen, y)
        y = try convolution("mid", builder.apply(SiLU(), image), channels)
        let windows = try builder.apply(WindowPartition(size: window), y)
        tokens = try builder.apply(TokensFromImage(), windows)
        let packed = try linear("qkv", normalised("norm", tokens), 3 * channels)
        let mixed = try builder.apply(Attention(headSize: 16, scale: 0.25, packing: .queryKeyValue), packed)
        tokens = try builder.apply(Add(), linear("out", mixed, channels), tokens)
        let told = try builder.apply(Attention(headSize: 32, scale: 0.2, packing: .keyValue), linear("q", tokens, channels), text)
        tokens = try builder.apply(Add(), told, tokens)
        y = try builder.apply(Add(), builder.apply(WindowMerge(size: window), builder.apply(ImageFromTokens(), tokens, windows), y), y)
        let kernels = try convolution("kernels", y, 9 * channels)
        y = try builder.apply(ElementWiseAdaptiveConvolution(kernelSize: 3, residual: true), y, kernels)
        builder.output("y", try convolution("last", y, 3))
        return try optimize(builder.graph).graph
    }

    @Test(arguments: [(37, 23, 8), (64, 40, 16), (30, 50, 32)], Precision.allCases)
    func windowsInStripsGiveTheSameBits(_ sizes: (height: Int, width: Int, window: Int), _ precision: Precision) throws {
        let graph = try windowed(height: sizes.height, width: sizes.width, window: sizes.window)
        let whole = try program(graph) { $0.precision = precision }
        let expected = try bits(whole)
        for threads in [1, 3] {
            let stripped = try program(graph, threads: threads) { ($0.precision, $0.stripsEverything) = (precision, true) }
            #expect(stripped.plan.memory.violations() == [])
            // All of it is local, and so is one step.
            #expect(stripped.steps.count == 1 && stripped.steps[0].strips!.strips > 1)
            #expect(try bits(stripped) == expected)
        }
        #expect(whole.plan.floatingPointOperations == graph.floatingPointOperations)
    }

    /// What a step in strips tells while it runs, and that it ends when it is told to.
    @Test func aStepInStripsTellsHowFarItIs() throws {
        let stripped = try program(windowed(height: 64, width: 24, window: 8)) { $0.stripsEverything = true }
        let inputs = Dictionary(
            uniqueKeysWithValues: stripped.graph.inputs.map { (stripped.graph[$0].name, madeUpTensor(stripped.graph.type($0).shape, seed: 3)) })
        var shares: [Double] = []
        _ = try stripped.run(inputs, in: Workspace(), duringStep: { shares.append($1) })
        // The first times kernels in front fill their windows.
        #expect(shares.count >= stripped.steps[0].strips!.strips && shares == shares.sorted() && shares.last == 1)
        #expect(Set(shares).subtracting([0]).count == stripped.steps[0].strips!.strips)
        var asked = 0
        #expect(throws: CancellationError.self) {
            try stripped.run(
                inputs, in: Workspace(),
                duringStep: { _, share in
                    asked += 1
                    if share > 0.3 { throw CancellationError() }
                })
        }
        #expect(asked < shares.count / 2)
    }

    /// A kernel is ahead of the next one by some rows, however many come behind: windows of a chain take as much as the chain is long.
    @Test func windowsDoNotGrowWithTheChain() throws {
        func windowBytes(_ length: Int) throws -> Int {
            var builder = GraphBuilder(name: "chain")
            var x = builder.input("x", TensorType(.float32, [1, 16, 256, 24], layout: .channelsLast))
            for index in 0..<length {
                x = try builder.apply(Conv2D(stride: [1, 1], padding: [1, 1, 1, 1]), x, builder.parameter("w\(index)", TensorType(.float32, [16, 16, 3, 3])))
            }
            builder.output("y", x)
            let stripped = try program(builder.graph) { $0.stripsEverything = true }
            #expect(stripped.steps.count == 1 && stripped.steps[0].nodes.count == length)
            #expect(try bits(stripped) == bits(program(builder.graph)))
            return stripped.steps[0].kernel.scratchByteCount
        }
        let (short, long) = try (windowBytes(8), windowBytes(24))
        #expect(long < 4 * short)
    }

    @Test func everyLimitGivesTheSameBitsAndIsKept() throws {
        let graph = try decoder(channels: 16, height: 99, width: 31)
        let whole = try program(graph)
        let expected = try bits(whole)
        let (store, options) = try setUp(graph)
        let least = try ProgramPlan.leastByteCount(graph, parameters: store, options: options)
        #expect(whole.plan.byteCount - least > whole.plan.memory.arenaByteCount / 3)
        var operations: [Int] = []
        for part in 0...6 {
            let limit = least + (whole.plan.byteCount - least) * part / 6
            let limited = try program(graph) { $0.memoryLimit = limit }
            #expect(limited.plan.byteCount <= limit)
            #expect(limited.plan.memory.violations() == [])
            #expect(try bits(limited) == expected, "\(limit) bytes")
            operations.append(limited.plan.floatingPointOperations)
        }
        #expect(operations.first! > operations.last!)
        #expect(operations.last == graph.floatingPointOperations)
    }

    @Test func whatFitsRunsAsItDid() throws {
        let graph = try decoder(channels: 16, height: 17, width: 19)
        let whole = try program(graph)
        let limited = try program(graph) { $0.memoryLimit = whole.plan.byteCount }
        #expect(limited.steps.map(\.node) == whole.steps.map(\.node) && limited.steps.allSatisfy { $0.strips == nil })
    }

    /// The message names the least, which then is enough.
    @Test func tooLittleIsRefused() throws {
        let graph = try decoder(channels: 16, height: 49, width: 31)
        let (store, options) = try setUp(graph)
        let least = try ProgramPlan.leastByteCount(graph, parameters: store, options: options)
        do {
            _ = try program(graph) { $0.memoryLimit = 100_000 }
            Issue.record("100 kB suffice")
        } catch let error as InputError {
            #expect(error.what.hasPrefix("'decoder' takes at least ") && error.what.hasSuffix(" of memory, and may take 100 kB"))
        }
        #expect(throws: Never.self) { try program(graph) { $0.memoryLimit = least } }
    }

    /// Weights that are transformed on the way may bring a program below its limit, but round otherwise: only who asks for them gets them.
    @Test func leanWeightsMustBeAskedFor() throws {
        func layer(_ channels: Int, _ side: Int) throws -> Graph {
            var builder = GraphBuilder(name: "layer")
            let x = builder.input("x", TensorType(.float32, [1, channels, side, side], layout: .channelsLast))
            let weight = builder.parameter("weight", TensorType(.float32, [channels, channels, 3, 3]))
            builder.output("y", try builder.apply(Conv2D(padding: [1, 1, 1, 1]), x, weight))
            return builder.graph
        }
        func size(_ graph: Graph, _ memory: MemoryUse) throws -> Int {
            let (store, options) = try setUp(graph) { $0.memory = memory }
            return try ProgramPlan(graph, parameters: store, options: options).byteCount
        }
        let graphs = try [(256, 32), (512, 32), (512, 64), (1024, 32)].map(layer)
        let graph = try #require(graphs.first { try size($0, .lean) < size($0, .standard) })
        let lean = try program(graph) { $0.memory = .lean }
        #expect(throws: InputError.self) { try program(graph) { $0.memoryLimit = lean.plan.byteCount } }
        let limited = try program(graph) { ($0.memory, $0.memoryLimit) = (.lean, lean.plan.byteCount) }
        #expect(limited.plan.byteCount <= lean.plan.byteCount)
        #expect(try bits(limited) == bits(lean))
    }

    /// Observers are told of each value that has memory of its own, once.
    @Test func stepsSayWhatTheyMake() throws {
        let graph = try decoder(channels: 8, height: 21, width: 13)
        let stripped = try program(graph) { $0.stripsEverything = true }
        let whole = try program(graph)
        func values(_ program: Program) throws -> [ValueID: [Float]] {
            var result: [ValueID: [Float]] = [:]
            let inputs = ["x": madeUpTensor([1, 4, 21, 13], seed: 3)]
            _ = try program.run(inputs, in: Workspace()) { report in
                for (value, tensor) in zip(report.step.values, report.results) {
                    #expect(result[value] == nil)
                    result[value] = tensor.floatArray
                }
            }
            return result
        }
        let (all, some) = (try values(whole), try values(stripped))
        #expect(some.count < all.count && !some.isEmpty)
        for (value, numbers) in some { #expect(all[value] == numbers) }
    }
}
