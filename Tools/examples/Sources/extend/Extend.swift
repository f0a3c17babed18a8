import DeblurDiff
import Foundation
import GraphCompiler

/// Adds an op, a pass and a sampler from outside, and uses each: `extend MODEL`. Ends with an error where one does not do what it should.
@main struct Extend {
    struct Failure: Error, CustomStringConvertible {
        var what: String
        var description: String { what }
    }

    static func require(_ condition: Bool, _ what: @autoclosure () -> String) throws { if !condition { throw Failure(what: what()) } }

    static func main() async {
        do {
            let arguments = CommandLine.arguments
            guard arguments.count == 2 else { throw Failure(what: "usage: extend MODEL") }
            try addPass(computing: addOp())
            try await addSampler(model: DeblurDiffModel(path: arguments[1]))
        } catch {
            print("Error: \(error)")
            exit(1)
        }
    }

    static let input = Tensor((0..<10_000).map { Float($0 - 5_000) / 1_000 }, shape: [4, 2_500])

    static func run(_ graph: Graph) throws -> [Float] {
        let program = try Program(graph, parameters: ParameterStore(source: NoParameters(), pool: options.pool), options: options)
        return try program.run(["x": input], in: Workspace())["y"]!.floatArray
    }

    static let options = RuntimeOptions()

    /// A parser that knows the op reads it; its kernel computes what the formula says.
    static func addOp() throws -> Graph {
        let ops = OpRegistry.standard.adding(SquaredReLU.self)
        let graph = try GraphParser.parse(
            """
            graph g {
              input %x : f32[4, 2500]
              %y = squared_relu(%x) : f32[4, 2500]
              output y = %y
            }
            """, registry: ops)
        let result = try run(graph)
        let expected = input.floatArray.map { $0 > 0 ? $0 * $0 : 0 }
        try require(result == expected, "the op computes other numbers than its formula")
        print("op: \(SquaredReLU.name) computes its formula")
        return graph
    }

    /// The pipeline with the pass rewrites two ops to that one, and the numbers stay; without it they are left as they are.
    static func addPass(computing fused: Graph) throws {
        let graph = try GraphParser.parse(
            """
            graph g {
              input %x : f32[4, 2500]
              %r = unary(%x) {function = relu} : f32[4, 2500]
              %y = multiply(%r, %r) : f32[4, 2500]
              output y = %y
            }
            """, registry: .standard)
        let rewritten = try optimize(graph, options: PipelineOptions(verifies: true, addedPasses: [FuseSquaredReLU()]))
        let ops = rewritten.graph.order.map { rewritten.graph[$0].op.name }
        try require(ops == [SquaredReLU.name], "the pass made \(rewritten.graph.text)")
        let plain = try optimize(graph)
        try require(plain.graph.text == graph.text, "without the pass the graph became \(plain.graph.text)")
        let numbers = try run(rewritten.graph)
        try require(try numbers == run(plain.graph) && numbers == run(fused), "the pass changed the numbers")
        print("pass: \(FuseSquaredReLU.name) \(rewritten.statistics.first { $0.pass == FuseSquaredReLU.name }?.rewrites ?? 0) rewrite, same numbers")
    }

    /// Without noise the sampler is DDIM; with noise it makes another picture. A restoration that is cancelled gives none.
    static func addSampler(model: DeblurDiffModel) async throws {
        let (height, width) = (48, 64)
        let pixels = (0..<3 * height * width).map { UInt8(truncatingIfNeeded: $0 / 7 % 199) }
        func restore(_ sampler: SamplerChoice) async throws -> [UInt8] {
            var options = RestorationOptions(defaultsOf: model.configuration)
            options.steps = 4
            options.sampler = sampler
            var (result, shares): ([UInt8], [Double]) = ([], [])
            for try await event in model.restore(pixels, height: height, width: width, options: options) {
                switch event {
                case .progress(let progress): shares.append(progress.share)
                case .finished(let pixels): result = pixels
                }
            }
            try require(shares == shares.sorted(), "progress went back")
            return result
        }
        let (ddim, quiet, noisy) = (
            try await restore(.ddim), try await restore(AncestralSampler.choice(eta: 0)), try await restore(AncestralSampler.choice(eta: 1))
        )
        try require(quiet.count == pixels.count, "the sampler made \(quiet.count) samples")
        let difference = zip(ddim, quiet).map { abs(Int($0) - Int($1)) }.max()!
        try require(difference <= 1, "without noise it differs from DDIM by \(difference)")
        try require(noisy != quiet, "noise changes nothing")
        let task = Task { try await restore(.ddim) }
        task.cancel()
        let stopped = await task.result
        try require((try? stopped.get())?.isEmpty ?? true, "a cancelled restoration made a picture")
        print("sampler: \(AncestralSampler.choice(eta: 1).name) restores \(width) x \(height) pixels; without noise it is DDIM to \(difference) of 255")
    }
}

/// The graphs here read no weights.
struct NoParameters: ParameterSource {
    func parameter(_ key: String) throws -> Tensor { throw InputError("there is no such tensor", at: key) }
}
