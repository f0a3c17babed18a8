import Files
import Tensors

/// Prompts as the networks read them. Each is encoded once for all photographs.
final class PromptEncoder {
    private let session: RestorationSession
    private let tokenizer: Tokenizer?
    /// By token ids.
    private var known: [[Int32]: Tensor] = [:]

    /// - Throws: an `InputError` for a prompt that the model cannot take, known now rather than after the image was read.
    init(_ session: RestorationSession) throws {
        self.session = session
        tokenizer = try session.model.mergesText.map { try Tokenizer(mergesText: $0) }
        _ = try tokens(session.options.positivePrompt)
        if session.options.isGuided { _ = try tokens(session.options.negativePrompt) }
    }

    /// The positive prompt's context, and with classifier-free guidance the negative one's: [1, T, width].
    func contexts() throws -> (positive: Tensor, negative: Tensor?) {
        let positive = try context(tokens(session.options.positivePrompt))
        if session.options.isGuided { return (positive, try context(tokens(session.options.negativePrompt))) }
        // The released code encodes it also when it is not used; a record shows it where that is possible.
        if session.recorder != nil, let ids = try? tokens(session.options.negativePrompt) { _ = try context(ids) }
        return (positive, nil)
    }

    /// How many prompts a restoration encodes that no earlier one has.
    var newCount: Int {
        let options = session.options
        let prompts = options.isGuided || session.recorder != nil ? [options.positivePrompt, options.negativePrompt] : [options.positivePrompt]
        return Set(prompts.compactMap { try? tokens($0) }).subtracting(known.keys).count
    }

    private func context(_ ids: [Int32]) throws -> Tensor {
        if let context = known[ids] { return context }
        let context = try session.run("text_encoder", ["tokens": Tensor(ids, shape: [1, ids.count])])["context"]!
        try session.requireFinite(context, "the text encoder")
        session.recorder?.record("clip_context", context)
        known[ids] = context
        return context
    }

    private func tokens(_ prompt: Prompt) throws -> [Int32] {
        let length = session.model.configuration.textEncoder.contextLength
        switch prompt {
        case .tokens(let ids):
            guard ids.count <= length else { throw InputError("\(ids.count) tokens, more than the \(length) that the model takes") }
            return ids + Array(repeating: 0, count: length - ids.count)
        case .text(let text):
            if Tokenizer.isEmpty(text) { return Tokenizer.empty(length) }
            guard let tokenizer else {
                throw InputError(
                    "the prompt \"\(text)\" needs the text encoder's vocabulary, which this model was converted without", at: session.model.file.path,
                    advice: "Convert the checkpoint again with `mergesText`, or use an empty prompt.")
            }
            return tokenizer.encode(text, contextLength: length)
        }
    }
}
