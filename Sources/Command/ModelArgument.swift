import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphFile
import TensorFiles
import Tensors

/// The model of every command that takes one: its first argument, or `--model`.
struct ModelArgument: ParsableArguments {
    @OptionGroup var option: ModelOption

    @Argument(help: ArgumentHelp("The model, in place of --model.", valueName: "model"))
    var model: String?

    func validate() throws { _ = try named }

    /// The model that was named, if one was.
    var named: String? {
        get throws {
            guard option.model != nil, let model else { return option.model ?? model }
            throw ModelOption.namedTwice(model)
        }
    }

    func path() throws -> String { try named ?? defaultModel() }
}

/// The same for commands whose arguments are images: a model may stand in front of them.
struct ModelOption: ParsableArguments {
    @Option(help: ArgumentHelp("The model. (default: the one that comes with the program)", valueName: "model"))
    var model: String?

    func validate() throws { if model == "" { throw ValidationError("The path of the model is empty.") } }

    /// The model that was named, if one was; it is taken away from the arguments.
    ///
    /// - Parameter limit: how many images the command takes. If there are more arguments, the first is a model, whatever it looks like.
    func named(before images: inout [String], limit: Int = .max) throws -> String? {
        guard let first = images.first, images.count > limit || ModelOption.isModel(first) else { return model }
        guard model == nil else { throw ModelOption.namedTwice(first) }
        return images.removeFirst()
    }

    static func namedTwice(_ model: String) -> ValidationError { ValidationError("The model is named twice: as '\(model)' and with --model.") }

    /// Whether an argument is meant as a model, right or wrong.
    private static func isModel(_ path: String) -> Bool {
        let name = path.lowercased()
        if [".safetensors", ".onnx", ".pth", ".pt", ".ckpt"].contains(where: name.hasSuffix) { return true }
        guard let file = try? MappedFile(path: path) else { return false }
        return file.withBytes(SafetensorsFile.looksLike)
    }
}

/// The model of a command that was given none: that of `DEBLURDIFF_MODEL`, of the user's configuration, or the one that comes with the program.
func defaultModel() throws -> String {
    if let named = getenv("DEBLURDIFF_MODEL").map({ FilePath.text($0) }), !named.isEmpty { return named }
    return try DeblurDiffCommand.userConfiguration?.model ?? ShippedModel.path()
}
