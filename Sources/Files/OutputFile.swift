import Foundation

/// What is checked of outputs before any work is done for them.
public enum OutputFile {
    /// Throws where a file cannot be written, would replace one that the command reads, or is another output as well. What counts is which file a path leads
    /// to, not how it is spelt.
    public static func check(_ outputs: [String], reads inputs: [String]) throws {
        let read = Dictionary(inputs.compactMap { path in FileStatus(path).map { ($0.identity, path) } }, uniquingKeysWith: { first, _ in first })
        var written: [FileIdentity: String] = [:]
        for output in outputs {
            // Makes a file there as writing will, which is gone again at once.
            _ = try AtomicFileWriter(path: output)
            guard FileStatus(output)?.kind != S_IFCHR else { continue }
            let identity = FileIdentity(output)
            if let input = read[identity] {
                let what = input == output ? "it is also read" : "it is the same file as \(input.printable), which is read"
                throw InputError("would be replaced, but \(what)", at: output, advice: "Name another `output`.")
            }
            if let other = written.updateValue(output, forKey: identity) {
                throw InputError("is the same file as \(other.printable), and both would be written", at: output, advice: "Name different files.")
            }
        }
    }

    /// Throws where no file can be made in a folder.
    public static func checkFolder(_ folder: String) throws {
        _ = try AtomicFileWriter(path: FilePath.join(folder, ".deblurdiff"))
    }
}
