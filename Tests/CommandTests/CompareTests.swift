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
            // Its former name says so, once, and means the same.
            let former = try compare(["--against", "-O1,bfloat16", "--steps", "0", "--tolerance", "1e-6"])
            let note = "The precision 'bfloat16' is called 'int16' now"
            #expect(former.status == 1 && former.output == rounded.output && former.errors.components(separatedBy: note).count == 2, "\(former)")
            #expect(!rounded.errors.contains(note))
        }
    }
}
