import Files
import Foundation
import GraphIR
import GraphRuntime
import GraphTestSupport
import Operators
import Tensors
import Testing

@testable import GraphFile

/// Packed weights from process to process.
@Suite struct PackedFilesTests {
    private static func packings(_ sizes: [Int] = [64, 1000, 0, 5000]) -> [(packing: Packing, storage: Storage)] {
        sizes.enumerated().map { index, size in
            let memory = Memory(byteCount: size)
            memory.withMutableBytes { for place in $0.indices { $0[place] = UInt8(truncatingIfNeeded: place * 7 + index) } }
            return (Packing("packing \(index)", byteCount: size, of: []) { _, _ in }, memory.frozen)
        }
    }

    private func files(_ folder: String, _ subject: [String] = ["model"], least: Int = 1) -> PackedFiles {
        PackedFiles(folder: folder + "/packed", subject: subject, pool: ThreadPool(threadCount: 2), leastBytes: least)
    }

    /// Packings that a process has kept.
    private func kept(in folder: String) throws -> [(packing: Packing, storage: Storage)] {
        let (packings, files) = (PackedFilesTests.packings(), files(folder))
        files.keep(packings)
        try files.finish()
        return packings
    }

    private func paths(_ folder: String) throws -> [String] { try FilePath.contents(of: folder + "/packed").map { folder + "/packed/" + $0 } }

    @Test func whatIsKeptComesBack() throws {
        try withScratchFolder { folder in
            let packings = PackedFilesTests.packings()
            let first = files(folder)
            #expect(first.kept(packings.map(\.packing)).isEmpty && first.keptByteCount(of: packings.map(\.packing)) == 0)
            first.keep(packings)
            try first.finish()
            let second = files(folder)
            #expect(second.keptByteCount(of: packings.map(\.packing)) == 6064)
            let kept = second.kept(packings.map(\.packing))
            for (packing, storage) in packings { #expect(kept[packing.key]!.withBytes(Array.init) == storage.withBytes(Array.init)) }
        }
    }

    /// Another model, other packings, and what is too small.
    @Test func whatIsOtherIsNotTaken() throws {
        try withScratchFolder { folder in
            let packings = try kept(in: folder)
            #expect(files(folder, ["other model"]).kept(packings.map(\.packing)).isEmpty)
            // A packing of another size, and what others have as well.
            let others = PackedFilesTests.packings([64, 1000, 0, 5001, 700])
            #expect(Set(files(folder).kept(others.map(\.packing)).keys) == ["packing 0", "packing 1", "packing 2"])
            let small = files(folder, least: 1 << 20)
            small.keep(packings)
            try small.finish()
            #expect(try paths(folder).count == 1)
        }
    }

    /// Any byte that is another, and any end.
    @Test func whatIsDamagedIsNotTaken() throws {
        try withScratchFolder { folder in
            let packings = try kept(in: folder)
            let path = try paths(folder)[0]
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            // The last bytes, of the tensors; padding between them does not count.
            for place in stride(from: bytes.count - 1, through: bytes.count - 5000, by: -311) {
                var damaged = bytes
                damaged[place] ^= 0x10
                try Data(damaged).write(to: URL(fileURLWithPath: path))
                #expect(files(folder).kept(packings.map(\.packing))["packing 3"] == nil, "byte \(place)")
            }
            for count in [0, 1, 7, 100, bytes.count - 1] {
                try Data(bytes[..<count]).write(to: URL(fileURLWithPath: path))
                #expect(files(folder).kept(packings.map(\.packing)).isEmpty, "cut at \(count)")
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(files(folder).kept(packings.map(\.packing)).count == 4)
            chmod(path, 0o666)
            #expect(files(folder).kept(packings.map(\.packing)).isEmpty)
        }
    }

    /// A program that shares packings with another needs a file for the others alone.
    @Test func whatIsSharedIsKeptOnce() throws {
        try withScratchFolder { folder in
            let all = PackedFilesTests.packings()
            for count in [2, 4] {
                let files = files(folder)
                let kept = files.kept(all.prefix(count).map(\.packing))
                files.keep(all.prefix(count).filter { kept[$0.packing.key] == nil })
                try files.finish()
            }
            #expect(try paths(folder).count == 2)
            let sizes = try paths(folder).map { try MappedFile(path: $0).byteCount }
            #expect(sizes.reduce(0, +) < 6064 + 2 * 1000)
            let kept = files(folder).kept(all.map(\.packing))
            for (packing, storage) in all { #expect(kept[packing.key]?.withBytes(Array.init) == storage.withBytes(Array.init)) }
        }
    }

    @Test func whatIsOldGoes() throws {
        try withScratchFolder { folder in
            _ = try kept(in: folder)
            let old = try paths(folder)[0]
            var times = [timeval(tv_sec: 1_000_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000_000, tv_usec: 0)]
            utimes(old, &times)
            let second = files(folder, ["other"])
            second.keep(PackedFilesTests.packings())
            try second.finish()
            #expect(try paths(folder).count == 1 && paths(folder)[0] != old)
        }
    }

    /// A program that reads kept weights computes the same bits, and asks its source for nothing that is packed.
    @Test func aProgramRunsOnThem() throws {
        try withScratchFolder { folder in
            let values = Tensor((0..<64 * 32).map { Float($0 % 17) - 8 }, shape: [64, 32])
            struct Source: ParameterSource {
                let values: Tensor
                let reads = Locked(0)
                func parameter(_ key: String) throws -> Tensor {
                    reads.withLock { $0 += 1 }
                    return values
                }
                func parameterType(_ key: String) throws -> TensorType { values.type }
            }
            func run() throws -> (result: [Float], reads: Int) {
                let files = files(folder)
                let source = Source(values: values)
                let pool = ThreadPool(threadCount: 2)
                let text = "graph g {\n  input %x : f32[3, 32]\n  parameter @w : f32[64, 32]\n  %y = linear(%x, @w) : f32[3, 64]\n  output y = %y\n}\n"
                let graph = try GraphParser.parse(text, registry: .standard)
                let program = try Program(graph, parameters: ParameterStore(source: source, pool: pool, cache: files), options: RuntimeOptions(pool: pool))
                let x = Tensor((0..<96).map { Float($0) }, shape: [3, 32])
                let result = try program.run(["x": x], in: Workspace())["y"]!.floatArray
                try files.finish()
                return (result, source.reads.withLock { $0 })
            }
            let (first, second) = (try run(), try run())
            #expect(first.result == second.result)
            #expect(first.reads > 0 && second.reads == 0)
        }
    }
}
