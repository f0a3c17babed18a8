import CKernels
import DeblurDiff
import Foundation
import GraphRuntime
import TensorFiles
import Tensors
import Testing

/// Images far smaller than what they are padded to: nearly all that the networks see is constant, and norms divide by what is left.
@Suite(.serialized)
struct SmallImageTests {
    static let sizes = [(1, 1), (1, 40), (7, 5), (64, 64)]

    /// What `Fixtures/make_small_images.py` computed in float64.
    private func expectAccurate(_ height: Int, _ width: Int, _ setting: OracleSetting, memory: MemoryUse = .standard, _ name: String, tolerance: Double)
        throws
    {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/small_images", withExtension: "safetensors"))
        let expected = try SafetensorsFile(path: url.path)
        var options = RestorationOptions()
        options.steps = 2
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<3 { pixels.append(UInt8((37 * y + 91 * x + 53 * c) * 29 % 256)) }
            }
        }
        let recorder = Recorder()
        let restorer = try Restorer(model: OracleModel.open(setting, memory: memory), options: options, recorder: recorder)
        _ = try restorer.restore(pixels, height: height, width: width)
        let recorded = Dictionary(uniqueKeysWithValues: recorder.tensors)
        let stages = expected.tensorNames.filter { $0.hasPrefix("\(height)x\(width).") }
        #expect(stages.count == 5)
        for stage in stages {
            let found = try #require(recorded[String(stage.drop { $0 != "." }.dropFirst())])
            let error = relativeError(found, try expected.tensor(stage))
            #expect(error <= tolerance, "\(stage) \(name)")
        }
    }

    @Test(arguments: sizes) func areAsAccurateAsLargeOnes(_ size: (Int, Int)) throws {
        // Narrower vectors add more numbers one after the other.
        let tolerance = ["scalar", "avx2"].contains(InstructionSet.current.rawValue) ? 2e-5 : 1e-5
        try expectAccurate(size.0, size.1, .imported, "O0", tolerance: 1e-5)
        try expectAccurate(size.0, size.1, .standard, "O1", tolerance: tolerance)
        try expectAccurate(size.0, size.1, .standard, memory: .lean, "lean", tolerance: tolerance)
    }

    @Test(arguments: 0..<dd_isa_count()) func withEachInstructionSet(_ isa: Int32) throws {
        guard dd_isa_is_supported(isa) != 0 else { return }
        dd_isa_force_here(isa)
        defer { dd_isa_force_here(-1) }
        for memory in MemoryUse.allCases {
            for (height, width) in Self.sizes.dropLast() {
                // As wide as the narrowest.
                try expectAccurate(height, width, .standard, memory: memory, "\(memory) isa \(isa)", tolerance: 2e-5)
            }
        }
    }
}
