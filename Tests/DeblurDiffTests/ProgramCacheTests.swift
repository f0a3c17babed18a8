import Foundation
import GraphIR
import GraphRuntime
import GraphTestSupport
import Operators
import Testing

@testable import DeblurDiff

@Suite struct ProgramCacheTests {
    private func program() throws -> Program {
        let text = "graph g {\n  input %x : f32[4]\n  %y = silu(%x) : f32[4]\n  output y = %y\n}\n"
        let (graph, pool) = (try GraphParser.parse(text, registry: .standard), ThreadPool(threadCount: 1))
        return try Program(graph, parameters: ParameterStore(source: SeededParameters(graph), pool: pool), options: RuntimeOptions(pool: pool))
    }

    /// A process that restores photographs of many sizes keeps the programs of the last ones, and of those that come again.
    @Test func keepsTheLastOnes() throws {
        let (cache, limit) = (ProgramCache(keepsPrograms: true), ProgramCache.programLimit)
        var made = 0
        func ask(_ name: String) throws {
            _ = try cache.program(ProgramCache.Key(graph: name)) {
                made += 1
                return try program()
            }
        }
        for number in 0..<limit { try ask("\(number)") }
        try ask("0")
        #expect(made == limit)
        // One more pushes out 1, which nobody has asked for since.
        try ask("new")
        try ask("0")
        try ask("2")
        #expect(made == limit + 1)
        try ask("1")
        #expect(made == limit + 2)
    }

    @Test func goWithTheirLastUser() throws {
        let cache = ProgramCache(keepsPrograms: false)
        let key = ProgramCache.Key(graph: "a")
        let first = try cache.program(key, make: program)
        #expect(try cache.program(key, make: program) === first)
        withExtendedLifetime(first) {}
    }
}
