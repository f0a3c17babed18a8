import ArgumentParser
import ModelFile

/// The argument of commands that look at a model.
struct ModelArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The converted model. (default: the one that comes with the program)", valueName: "model"))
    var model: String?

    func path() throws -> String { try model ?? ShippedModel.path() }
}
