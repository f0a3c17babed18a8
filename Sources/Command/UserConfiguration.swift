import Files
import Foundation
import Yams

/// Options that commands take where the command line has no others: `~/.config/deblurdiff/config.yaml`.
struct UserConfiguration {
    /// Where a model is.
    private(set) var model: String?
    /// Of each command, as the command line has them.
    private(set) var arguments: [String: [String]] = [:]

    /// `$XDG_CONFIG_HOME/deblurdiff/config.yaml`, or below `~/.config`; nil where there is no home.
    static var path: String? {
        func folder(_ variable: String) -> String? { getenv(variable).map { FilePath.text($0) }.flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let base = folder("XDG_CONFIG_HOME") ?? folder("HOME").map { FilePath.join($0, ".config") }
        return base.map { FilePath.join($0, "deblurdiff/config.yaml") }
    }

    /// What the file says; nothing where there is none.
    ///
    /// - Throws: an `InputError` where it is no such file.
    init(path: String?, commands: [String]) throws {
        guard let path, FileStatus(path) != nil else { return }
        let text = try MappedFile(path: path).text()
        guard text.utf8.count <= 1 << 16 else { throw InputError("is too long", at: path) }
        func wrong(_ what: String) -> InputError { InputError(what, at: path, advice: "See 'deblurdiff help files'.") }
        let loaded: Any?
        do { loaded = try Yams.load(yaml: text) } catch { throw wrong("is no YAML: \(error)") }
        guard let loaded else { return }
        guard let sections = loaded as? [String: Any] else { throw wrong("must hold names and values") }
        for (name, value) in sections.sorted(by: { $0.key < $1.key }) {
            if name == "model" {
                guard let text = value as? String, !text.isEmpty else { throw wrong("'model' must be a path") }
                // Paths in it do not depend on where the program runs.
                model = text.hasPrefix("~/") ? getenv("HOME").map { FilePath.join(FilePath.text($0), String(text.dropFirst(2))) } ?? text : text
                if !model!.hasPrefix("/") { model = FilePath.join(FilePath.folder(of: path), model!) }
            } else if commands.contains(name) {
                guard let options = value as? [String: Any] else { throw wrong("'\(name)' must hold options and values") }
                arguments[name] = try options.sorted { $0.key < $1.key }.flatMap { option, value -> [String] in
                    switch value {
                    case let isOn as Bool: isOn ? ["--\(option)"] : []
                    case let text as String: text.isEmpty ? ["--\(option)", ""] : ["--\(option)=\(text)"]
                    case is Int, is Double: ["--\(option)=\(value)"]
                    default: throw wrong("'\(name).\(option)' must be a number, a text, true or false")
                    }
                }
            } else {
                throw wrong("'\(name)' is neither 'model' nor a command")
            }
        }
    }
}
