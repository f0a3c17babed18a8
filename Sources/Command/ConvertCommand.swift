import ArgumentParser
import Checkpoints
import DeblurDiff
import Files
import Foundation
import GraphFile
import Tensors

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert a checkpoint or an ONNX model into the native format.",
        discussion: """
            Reads the released model.pth, or its three sources, as PyTorch archives or safetensors in float32, float16 or bfloat16. \
            Nothing in a checkpoint is ever executed. Sizes come from --config in the released YAML form, and are the released ones without it.

            Without --lkpn it takes DiffBIR (v2 and v2.1: --sd and --controlnet) and ControlNets of Stable Diffusion 2 with a picture as hint (one checkpoint, or --sd and \
            --controlnet). Names and sizes tell which it is; --config may be the YAML of these programs. DiffBIR v2.1 needs its --diffusion-config.

            An ONNX model (NAME.onnx) of any kind becomes a file with its graph, for inputs of fixed sizes: give those that the model leaves open \
            with --input. Its weights are stored as they are, unless --dtype says otherwise.
            """)

    @Argument(help: ArgumentHelp("A checkpoint with all networks (.pth, .pt, .ckpt or .safetensors), or an ONNX model (.onnx).", valueName: "source"))
    var source: String?

    @Option(help: ArgumentHelp("Stable Diffusion 2.1, as published (v2-1_512-ema-pruned).", valueName: "file"))
    var sd: String?

    @Option(help: ArgumentHelp("The control network's state dict.", valueName: "file"))
    var controlnet: String?

    @Option(help: ArgumentHelp("The latent kernel prediction network's state dict.", valueName: "file"))
    var lkpn: String?

    @Option(name: [.short, .long], help: ArgumentHelp("The model to write, usually NAME.ddiff.safetensors.", valueName: "model"))
    var output: String

    @Option(help: ArgumentHelp("The networks' sizes, as the released code's YAML.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "How noise grows in the model, as the released code's YAML ('diffusion.yaml'): schedule, zero terminal SNR, parameterization.", valueName: "file"))
    var diffusionConfig: String?

    @Option(help: ArgumentHelp("bpe_simple_vocab_16e6.txt.gz; needed for prompts other than the empty one.", valueName: "file"))
    var vocab: String?

    @Option(
        help:
            "How the file stores weights: float32, float16 or bfloat16. It is 'run --precision' that says what is computed in. (default: float32; those of ONNX models as they are)"
    )
    var dtype: StoredPrecision?

    @Option(help: ArgumentHelp("For an ONNX model: the sizes of an input.", valueName: "name=1x4x64x64"))
    var input: [String] = []

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    enum StoredPrecision: String, ExpressibleByArgument, CaseIterable {
        case float32, float16, bfloat16

        var elementType: ElementType {
            switch self {
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            }
        }
    }

    func validate() throws {
        if isONNX {
            guard sd == nil, controlnet == nil, lkpn == nil, config == nil, diffusionConfig == nil, vocab == nil else {
                throw ValidationError("--sd, --controlnet, --lkpn, --config, --diffusion-config and --vocab do not go with an ONNX model.")
            }
            return
        }
        guard input.isEmpty else { throw ValidationError("--input is for ONNX models.") }
        let parts = [sd, controlnet, lkpn].compactMap { $0 }
        switch (source, parts.count) {
        case (nil, _) where sd != nil && controlnet != nil: break
        case (.some, 0): break
        case (nil, 0): throw ValidationError("Name a checkpoint, or its sources with --sd, --controlnet and, for a DeblurDiff, --lkpn.")
        case (nil, _): throw ValidationError("--sd, --controlnet and, for a DeblurDiff, --lkpn belong together.")
        default: throw ValidationError("Give either one checkpoint, or --sd, --controlnet and --lkpn.")
        }
    }

    func run() throws {
        let sources = [source, sd, controlnet, lkpn].compactMap { $0 }
        try OutputFile.check([output], reads: sources + [config, diffusionConfig, vocab].compactMap { $0 })
        if isONNX { return try convertONNX(source!) }
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let checkpoint = try openCheckpoints()
        let system = try checkpoint.system()
        let configuration = try readConfiguration(system, progress)
        var conversion = DeblurDiffConversion(configuration: configuration, converter: "deblurdiff \(DeblurDiffCommand.version)")
        conversion.mergesText = try vocab.map { try Tokenizer.readMerges($0) }
        conversion.elementType = (dtype ?? .float32).elementType
        if source != nil, !checkpoint.ignoredNames.isEmpty {
            let names = checkpoint.ignoredNames
            let examples = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ") + (names.count > 3 ? ", ..." : "")
            progress.warn("\(names.count) tensor\(names.count == 1 ? "" : "s") of no network left out: \(examples)")
        }
        let count = try conversion.convert(checkpoint, to: output) { progress.bytes("Converting", done: $0, total: $1) }
        progress.finish("Found \(words(system, configuration)).")
        progress.finish("Wrote \(output): \(count) tensors, \(Units.bytes(fileSize(output))).")
        if vocab == nil { progress.finish("Without --vocab the model takes no prompts but the empty one.") }
    }

    /// "a DiffBIR: the control network reads 4 channels beside the latent's 4; the networks predict eps"
    private func words(_ system: RestorationSystem, _ configuration: ModelConfiguration) -> String {
        let (hint, latent) = (configuration.controlNet.hintChannels, configuration.latentChannels)
        let read = system == .controlNet ? "a picture of \(hint) channels" : "\(hint) channels beside the latent's \(latent)"
        let noise = configuration.process.endsInNoise ? ", from noise without any signal" : ""
        return "a \(system.title): the control network reads \(read); the denoiser predicts \(configuration.parameterization.rawValue)\(noise)"
    }

    private func readConfiguration(_ system: RestorationSystem, _ progress: ProgressReporter) throws -> ModelConfiguration {
        guard let config else {
            var configuration = ModelConfiguration.released(system)
            guard let diffusionConfig else { return configuration }
            do { try configuration.readDiffusion(yaml: MappedFile(path: diffusionConfig).text()) } catch let error as InputError {
                throw error.at(diffusionConfig)
            }
            return configuration
        }
        let diffusion = try diffusionConfig.map { try MappedFile(path: $0).text() }
        do {
            return try ModelConfiguration(yaml: try MappedFile(path: config).text(), diffusion: diffusion) { progress.warn("\(config): \($0)") }
        } catch let error as InputError {
            throw error.location?.hasPrefix(config) == true ? error : error.at(config)
        }
    }

    private func openCheckpoints() throws -> DeblurDiffCheckpoint {
        if let source { return try DeblurDiffCheckpoint(combined: openCheckpoint(source)) }
        return try DeblurDiffCheckpoint(
            stableDiffusion: openCheckpoint(sd!), controlNet: openCheckpoint(controlnet!), lkpn: lkpn.map { try openCheckpoint($0) })
    }
}
