import Files
import Tensors

/// The text encoder's tokens: byte pair encoding (Sennrich et al., 2016) over bytes, as CLIP and OpenCLIP define it.
///
/// A prompt is cleaned and lower-cased, split into words, and each word's bytes are merged pair by pair in the order of the
/// vocabulary file `bpe_simple_vocab_16e6.txt`. Ids: 256 bytes, 256 bytes that end a word, the merges, then a start and an
/// end mark.
public struct Tokenizer: Sendable {
    /// The merges of the vocabulary file that are used; it has more.
    public static let mergeCount = 48_894
    public static let contextLength = 77

    /// 49406 with the whole vocabulary.
    public let startToken: Int32
    /// 49407 with the whole vocabulary.
    public let endToken: Int32

    /// Two neighbouring symbols.
    private struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    private struct Merge {
        /// The order in which merges are done: lowest first.
        var rank: Int32
        var result: Int32
    }

    private var merges: [Pair: Merge] = [:]
    /// Longer words are cut: what lies beyond cannot be seen in the first tokens.
    private let longestSymbol: Int

    /// - Parameters:
    ///   - mergesText: the decompressed vocabulary file: a line of comment, then a merge on each line, of which the first
    ///     `mergeCount` are used.
    ///   - mergeCount: only for other vocabularies than the released model's.
    /// - Throws: `InputError` where lines are missing or are not two known symbols.
    public init(mergesText: String, mergeCount: Int = Tokenizer.mergeCount) throws {
        startToken = Int32(512 + mergeCount)
        endToken = startToken + 1
        let lines = Vocabulary.lines(of: mergesText, count: mergeCount + 1)
        guard lines.count == mergeCount + 1 else {
            throw InputError(
                "the vocabulary has \(max(lines.count - 1, 0)) merges, and \(mergeCount) are needed", advice: Vocabulary.advice)
        }
        var ids = Vocabulary.byteSymbols()
        var pairs: [(left: Vocabulary.Symbol, right: Vocabulary.Symbol, result: Vocabulary.Symbol)] = []
        pairs.reserveCapacity(mergeCount)
        ids.reserveCapacity(512 + mergeCount)
        for (index, line) in lines.dropFirst().enumerated() {
            guard let (left, right) = Vocabulary.parseMerge(line), ids[left] != nil, ids[right] != nil else {
                throw InputError(
                    "line \(index + 2) of the vocabulary is not a merge of two earlier symbols", advice: Vocabulary.advice)
            }
            let result = Vocabulary.Symbol(bytes: left.bytes + right.bytes, endsWord: right.endsWord)
            // Where two merges make the same symbol, the later id stands for both.
            ids[result] = Int32(512 + index)
            pairs.append((left, right, result))
        }
        merges.reserveCapacity(mergeCount)
        for (rank, pair) in pairs.enumerated() {
            let key = Pair(left: ids[pair.left]!, right: ids[pair.right]!)
            merges[key] = Merge(rank: Int32(rank), result: ids[pair.result]!)
        }
        longestSymbol = ids.keys.reduce(1) { max($0, $1.bytes.count) }
    }

    /// The tokens of the empty prompt, which need no vocabulary: start, end, zeros.
    public static func empty(_ contextLength: Int = Tokenizer.contextLength) -> [Int32] {
        let start = Int32(512 + mergeCount)
        return padded([start, start + 1], to: contextLength)
    }

    /// Whether the prompt has no words, so that ``empty(_:)`` are its tokens.
    public static func isEmpty(_ prompt: String) -> Bool { PromptText.clean(prompt).isEmpty }

    /// Start, the prompt's ids, end, zeros. Ids that do not fit are left out, so that the end mark is always there.
    ///
    /// - `contextLength`: at least 2.
    public func encode(_ prompt: String, contextLength: Int = Tokenizer.contextLength) -> [Int32] {
        var tokens = [startToken]
        for word in PromptText.words(of: PromptText.clean(prompt)) where tokens.count < contextLength {
            switch word {
            case .mark(.start): tokens.append(startToken)
            case .mark(.end): tokens.append(endToken)
            case .text(let bytes): tokens += encodeWord(bytes, limit: contextLength)
            }
        }
        return Tokenizer.padded(tokens.prefix(contextLength - 1) + [endToken], to: contextLength)
    }

    private static func padded(_ tokens: [Int32], to contextLength: Int) -> [Int32] {
        precondition(contextLength >= 2, "no room for the start and end marks")
        return tokens + [Int32](repeating: 0, count: contextLength - tokens.count)
    }

    /// Merges a word's symbols: always all places of the lowest-ranking pair, from left to right, until no pair is known.
    private func encodeWord(_ word: [UInt8], limit: Int) -> [Int32] {
        let kept = word.prefix(longestSymbol * limit)
        var symbols = kept.map { Vocabulary.idOfByte[Int($0)] }
        symbols[symbols.count - 1] += 256
        // ranks[i] is that of the pair that begins at symbol i.
        var ranks = zip(symbols, symbols.dropFirst()).map { rank($0, $1) }
        while let lowest = ranks.min(), lowest < .max {
            var merged: [Int32] = []
            var index = 0
            while index < symbols.count {
                if index < ranks.count, ranks[index] == lowest {
                    merged.append(merges[Pair(left: symbols[index], right: symbols[index + 1])]!.result)
                    index += 2
                } else {
                    merged.append(symbols[index])
                    index += 1
                }
            }
            symbols = merged
            ranks = zip(symbols, symbols.dropFirst()).map { rank($0, $1) }
        }
        return symbols
    }

    private func rank(_ left: Int32, _ right: Int32) -> Int32 { merges[Pair(left: left, right: right)]?.rank ?? .max }
}
