import ArgumentParser
import GraphRuntime

/// Options of every command that runs a model.
struct RuntimeFlags: ParsableArguments {
    @Option(help: "Threads to compute with. The result does not depend on it. (default: one a processor)")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
    }

    func makeOptions() -> RuntimeOptions { RuntimeOptions(pool: ThreadPool(threadCount: threads)) }
}
