import Files
import Tensors
import Testing

@testable import DeblurDiff

/// What a step makes without its parts, with the oracle's model and numbers.
@Suite(.serialized) struct AblationTests {
    private struct Run {
        var tensors: [String: Tensor]
        var kernelSize: Int
        subscript(_ name: String) -> Tensor { tensors[name]! }
    }

    private func run(_ setting: OracleSetting, _ parts: Set<String>, betterStart: Bool = false) throws -> Run {
        var setting = setting
        setting.without = parts
        let input = try OracleCase.plain.input()
        var options = try OracleCase.plain.options()
        options.steps = 2
        options.betterStart = betterStart
        let recorder = Recorder()
        let model = try OracleModel.open(setting)
        _ = try Restorer(model: model, options: options, recorder: recorder).restore(input.planes())
        return Run(tensors: Dictionary(recorder.tensors) { first, _ in first }, kernelSize: try #require(model.configuration.kernelSize))
    }

    /// The guidance of the first step by the definition, and the passes change nothing but rounding.
    @Test(arguments: Ablation.allCases) func leavesOutAPart(_ part: Ablation) throws {
        let complete = try run(.imported, [])
        let runs = try OracleSetting.all.map { try run($0, [part.rawValue]) }
        #expect(Set(runs[0].tensors.keys) == Set(runs[1].tensors.keys))
        for (name, tensor) in runs[0].tensors { #expect(relativeError(runs[1][name], tensor) < 1e-4, "\(name)") }
        #expect(relativeError(runs[0]["eps.0"], complete["eps.0"]) > 1e-4)
        switch part {
        case .lkpn: #expect(runs[0].tensors["lkpn_kernel.0"] == nil && runs[0].tensors["eac.0"] == nil)
        case .feedback:
            #expect(relativeError(runs[0]["lkpn_kernel.0"], complete["lkpn_kernel.0"]) > 1e-4)
        case .eac:
            // In the first step the LKPN has seen the same, so that its output is the same.
            let (kernel, guidance, whole) = (runs[0]["lkpn_kernel.0"], runs[0]["eac.0"], complete["lkpn_kernel.0"])
            #expect(relativeError(kernel, whole) < 1e-6)
            let (taps, size) = (runs[0].kernelSize * runs[0].kernelSize, guidance.shape[2] * guidance.shape[3])
            let added = (0..<guidance.shape[1]).flatMap { Array(kernel.floatArray[($0 * taps * size)...].prefix(size)) }
            let image = zip(guidance.floatArray, added).map { $0 - $1 }
            // What is left is the blurred image's latent, which EAC filtered in the whole model.
            let kernels = whole.floatArray
            let (channels, height, width, side, middle) = (guidance.shape[1], guidance.shape[2], guidance.shape[3], runs[0].kernelSize, runs[0].kernelSize / 2)
            var filtered = image
            for (c, y, x) in (0..<channels * size).map({ ($0 / size, $0 % size / width, $0 % width) }) {
                for tap in 0..<taps {
                    let (v, u) = (y + tap / side - middle, x + tap % side - middle)
                    guard (0..<height).contains(v), (0..<width).contains(u) else { continue }
                    filtered[c * size + y * width + x] += kernels[(c * taps + tap) * size + y * width + x] * image[c * size + v * width + u]
                }
            }
            #expect(relativeError(Tensor(filtered, shape: guidance.shape), complete["eac.0"]) < 1e-4)
        }
    }

    /// Without feedback the noise that a restoration starts from does not matter to the LKPN.
    @Test func withoutFeedbackTheNoiseIsNotSeen() throws {
        func kernel(_ parts: Set<String>, betterStart: Bool) throws -> [Float] {
            try run(.standard, parts, betterStart: betterStart)["lkpn_kernel.0"].floatArray
        }
        #expect(try kernel(["feedback"], betterStart: true) == kernel(["feedback"], betterStart: false))
        #expect(try kernel([], betterStart: true) != kernel([], betterStart: false))
    }

    @Test func refusesOtherParts() throws {
        var setting = OracleSetting.imported
        setting.without = ["unet"]
        let error = #expect(throws: InputError.self) { try OracleModel.open(setting) }
        #expect(error?.description.contains("lkpn, eac, feedback") == true)
    }
}
