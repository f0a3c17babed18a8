import ArgumentParser
import Files
import Foundation
import Tensors

/// Prints to standard output at once, with the control characters escaped that names from files may hold. All commands print by this function, which takes the
/// place of Swift's own: that one ignores that a disk is full.
///
/// - Throws: `InputError` where the text cannot be written, ``ClosedPipe`` where nobody reads it any more.
func print(_ text: String, terminator: String = "\n") throws {
    var rest = Array((text.printableLines + terminator).utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
        } else if errno == EPIPE {
            throw ClosedPipe()
        } else if errno != EINTR {
            throw InputError("cannot write there: \(systemErrorMessage())", at: "standard output")
        }
    }
}

/// What cannot be told is not worth failing for (a `FileHandle` would end the program).
func writeToStandardError(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) } }

/// The reader of standard output has read enough, as `head` does. This is no mistake of anybody's, so that nothing is said.
struct ClosedPipe: Error {
    /// Ends the program as a program ends that knows nothing of closed pipes: by SIGPIPE, which shells show as status 141.
    func endProgram() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        exit(128 + SIGPIPE)
    }
}

/// To be called before anything else is.
func prepareStandardStreams() {
    // A closed pipe becomes an error, so that what is half done is cleaned up; and a reader of the progress who leaves does not end the work.
    signal(SIGPIPE, SIG_IGN)
    // Where the program was started with a closed stream, its number must not go to a file that is opened later. Writing to the stream stays an error.
    for stream in STDIN_FILENO...STDERR_FILENO where fcntl(stream, F_GETFD) < 0 { _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) }
}

/// Writes to a file, or to standard output without one.
func writeOutput(_ text: String, to path: String?) throws {
    guard let path else { return try print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
    let writer = try AtomicFileWriter(path: path)
    try writer.write(Array(text.utf8))
    try writer.commit()
}

/// The options of commands that report something.
struct ReportFlags: ParsableArguments {
    @Flag(help: "Report as JSON.")
    var json = false

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write the report; standard output without it.", valueName: "file"))
    var output: String?

    /// To be called before the work is done.
    func check(reads inputs: [String]) throws { try OutputFile.check([output].compactMap { $0 }, reads: inputs) }

    func write(text: @autoclosure () throws -> String, json: @autoclosure () throws -> String) throws {
        try writeOutput(self.json ? json() : text(), to: output)
    }
}
