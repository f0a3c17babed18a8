import DeblurDiff
import Foundation
import GraphTestSupport
import Images
import TensorFiles
import Tensors
import Testing

/// A run of the released implementation with seeded weights: what it was given, and what it computed.
struct OracleCase: CustomTestStringConvertible, Sendable {
    let name: String

    static let all = [
        "plain", "cfg", "windowed", "window_one_axis", "tiled", "better_start", "tiled_better_start", "guidance", "guidance_rgb", "steps21", "second_image",
    ].map { OracleCase(name: $0) }
    static let plain = OracleCase(name: "plain")

    var testDescription: String { name }

    /// As `case.json` has it.
    struct Settings: Decodable {
        var seed: UInt64
        var steps: Int
        var strength: Float
        var tiled: Bool
        var tileSize: Int
        var tileStride: Int
        var cfgScale: Float
        var betterStart: Bool
        var guidanceScale: Float?
        var guidanceSpace: String?
        var guidanceLoss: String?
        /// Of the positive and the negative prompt, without the padding.
        var tokens: [[Int32]]
        /// An image that the same run restored before.
        var previous: String?
    }

    private func settings() throws -> Settings {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Settings.self, from: Data(contentsOf: URL(fileURLWithPath: path("case.json"))))
    }

    private func path(_ file: String) -> String { repositoryFile("Tests/Fixtures/oracle/case_\(name)/\(file)") }

    func input() throws -> Photo { try Photo(reading: path("input.png")) }
    func previousInput() throws -> Photo? { try settings().previous.map { try Photo(reading: path($0)) } }
    func expectedImage() throws -> Photo { try Photo(reading: path("expected.png")) }
    func expectedStages() throws -> SafetensorsFile { try SafetensorsFile(path: path("expected.safetensors")) }

    func options() throws -> RestorationOptions {
        let settings = try settings()
        var options = RestorationOptions()
        options.steps = settings.steps
        options.seed = settings.seed
        options.seedMode = .once
        options.positivePrompt = .tokens(settings.tokens[0])
        options.negativePrompt = .tokens(settings.tokens[1])
        options.guidanceScale = settings.cfgScale
        options.betterStart = settings.betterStart
        options.tiled = settings.tiled
        options.tileSize = settings.tileSize
        options.tileStride = settings.tileStride
        options.strength = settings.strength
        options.restorationGuidance = settings.guidanceScale.map { scale in
            RestorationGuidance(
                scale: scale, space: settings.guidanceSpace.flatMap(RestorationGuidance.Space.init) ?? .latent,
                loss: settings.guidanceLoss.flatMap(RestorationGuidance.Loss.init))
        }
        return options
    }
}

/// The relative error in the L2 norm, `|a - b| / |b|`, in float64; infinite where the shapes differ or a number is not finite.
func relativeError(_ found: Tensor, _ expected: Tensor) -> Double {
    guard found.shape == expected.shape else { return .infinity }
    var (difference, size) = (0.0, 0.0)
    for (a, b) in zip(found.floatArray, expected.floatArray) {
        let (a, b) = (Double(a), Double(b))
        difference += (a - b) * (a - b)
        size += b * b
    }
    let error = (difference / size).squareRoot()
    return error.isFinite ? error : .infinity
}
