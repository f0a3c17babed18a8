import DeblurDiff
import Files
import Foundation
import GraphTestSupport
import Jobs
import Tensors
import Testing

@Suite struct UnfinishedStoreTests {
    private let latent = TensorType(.float32, [1, 4, 2, 3])

    private func checkpoint() -> SamplerCheckpoint {
        var random = TorchGenerator(seed: 3)
        let z = Tensor(random.randn(24), shape: latent.shape)
        return SamplerCheckpoint(step: 7, z: z, random: random, samplerState: [Tensor(random.randn(24), shape: latent.shape)])
    }

    @Test func whatIsKeptComesBack() throws {
        try withScratchFolder { folder in
            let store = UnfinishedStore(folder: folder + "/states")
            let key = UnfinishedStore.key(["a", "b"])
            #expect(key != UnfinishedStore.key(["ab", ""]) && key != UnfinishedStore.key(["a", "c"]))
            #expect(store.load(key, latent: latent) == nil)
            var kept = checkpoint()
            #expect(store.save(kept, as: key))
            var back = try #require(store.load(key, latent: latent))
            #expect(back.step == 7 && back.z.floatArray == kept.z.floatArray && back.samplerState.map(\.floatArray) == kept.samplerState.map(\.floatArray))
            #expect(back.random.randn(100) == kept.random.randn(100))
            #expect(FileStatus(folder + "/states")?.permissions == 0o700)
            // Of another size, under another key, or removed: nothing.
            #expect(store.load(key, latent: TensorType(.float32, [1, 4, 3, 2])) == nil)
            #expect(store.load(UnfinishedStore.key(["x"]), latent: latent) == nil)
            store.remove(key)
            #expect(try FilePath.contents(of: folder + "/states").isEmpty)
        }
    }

    /// Never trusted: damaged files count as not there, or hold what is whole.
    @Test func damagedFilesAreNotUsed() throws {
        try withScratchFolder { folder in
            let store = UnfinishedStore(folder: folder)
            let key = UnfinishedStore.key(["a"])
            #expect(store.save(checkpoint(), as: key))
            let path = try #require(FilePath.contents(of: folder).first.map { FilePath.join(folder, $0) })
            let sound = try read(path)
            for length in stride(from: 0, to: sound.count, by: 13) {
                try write(Array(sound.prefix(length)), to: path)
                #expect(store.load(key, latent: latent) == nil)
            }
            var generator = SeededGenerator(state: 1)
            for _ in 0..<300 {
                var damaged = sound
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
                try write(damaged, to: path)
                if let state = store.load(key, latent: latent) { #expect(state.z.type == latent && (1...1000).contains(state.step)) }
            }
        }
    }

    @Test func aFolderThatCannotBeWrittenIsNoReasonToFail() throws {
        try withScratchFolder { folder in
            try write([1], to: folder + "/file")
            #expect(!UnfinishedStore(folder: folder + "/file/states").save(checkpoint(), as: "k"))
        }
    }

    @Test func oldStatesAreSwept() throws {
        try withScratchFolder { folder in
            let store = UnfinishedStore(folder: folder)
            #expect(store.save(checkpoint(), as: "k"))
            try write([1], to: folder + "/other.txt")
            store.sweep(now: Date(timeIntervalSinceNow: 29 * 86400))
            #expect(store.load("k", latent: latent) != nil)
            store.sweep(now: Date(timeIntervalSinceNow: 31 * 86400))
            #expect(try FilePath.contents(of: folder) == ["other.txt"])
        }
    }
}
