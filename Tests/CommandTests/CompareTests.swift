import Foundation
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

            // Rounding to 16 bits shows.
            let rounded = try compare(["--against", "int16", "--steps", "0", "--tolerance", "1e-6"])
            #expect(rounded.status == 1, "\(rounded)")
            #expect(rounded.errors.contains("is more than 1.00e-06"), "\(rounded)")
            // So does bfloat16, more so.
            let coarse = try compare(["--against", "-O1,bfloat16", "--steps", "0", "--tolerance", "1e-6"])
            #expect(coarse.status == 1 && coarse.errors.contains("is more than 1.00e-06") && coarse.output != rounded.output, "\(coarse)")
        }
    }
}
