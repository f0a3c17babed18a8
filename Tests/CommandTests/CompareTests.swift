import GraphTestSupport
import Testing

@Suite struct CompareTests {
    @Test func twoWaysToRunAModel() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            func compare(_ arguments: [String]) throws -> Command.Outcome {
                try Command.run(["compare", SharedFiles.model, "photo.png"] + arguments, in: folder)
            }
            let exact = try compare(["--steps", "1", "--tolerance", "1e-4"])
            #expect(exact.status == 0, "\(exact)")
            for part in ["text_encoder", "vae_encoder", "step", "vae_decoder", "PSNR"] { #expect(exact.output.contains(part), "\(exact)") }

            // Rounding to bfloat16 shows.
            let rounded = try compare(["--against", "bfloat16", "--steps", "0", "--tolerance", "1e-6"])
            #expect(rounded.status == 1, "\(rounded)")
            #expect(rounded.errors.contains("is more than 1.00e-06"), "\(rounded)")
        }
    }
}
