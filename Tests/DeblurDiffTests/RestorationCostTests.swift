import DeblurDiff
import Files
import GraphIR
import GraphTestSupport
import Tensors
import Testing

@Suite struct RestorationCostTests {
    private func model() throws -> DeblurDiffModel { try OracleModel.open(.standard) }

    @Test func phasesFollowTheOptions() throws {
        let model = try model()
        var options = RestorationOptions()
        options.steps = 7
        let plain = try model.cost(of: options, height: 100, width: 130)
        #expect(plain.plan.parts.map(\.runs) == [1, 1, 1, 7, 1])
        #expect(plain.plan.parts.allSatisfy { $0.floatingPointOperations > 0 } && plain.memory.allSatisfy { $0.arenaByteCount > 0 })
        // The step's work is counted for the size that is padded to.
        #expect(plain.floatingPointOperations == (try model.cost(of: options, height: 128, width: 192)).floatingPointOperations)
        options.guidanceScale = 4
        options.betterStart = true
        #expect(try model.cost(of: options, height: 100, width: 130).plan.parts.map(\.runs) == [2, 2, 2, 14, 1])
        options.guidanceScale = 1
        options.betterStart = false
        var guidance = RestorationGuidance(scale: 0.1)
        (guidance.start, guidance.repetitions) = (700, 2)
        options.restorationGuidance = guidance
        #expect(try model.cost(of: options, height: 100, width: 130).plan.parts.map(\.runs) == [1, 2, 1, 7, 1])
        guidance.space = .rgb
        options.restorationGuidance = guidance
        let cost = try model.cost(of: options, height: 100, width: 130)
        #expect(cost.plan.parts.map(\.runs) == [1, 1, 1, 7, 10, 1])
        #expect(cost.memory[4].arenaByteCount > cost.memory[5].arenaByteCount)
        options.restorationGuidance = nil
        options.tiled = true
        (options.tileSize, options.tileStride) = (256, 128)
        let tiled = try model.cost(of: options, height: 384, width: 512)
        #expect(tiled.plan.parts.map(\.runs) == [1, 6, 6, 42, 6])
        // The step's networks alone see smooth tiles.
        options.tileBlend = .smooth
        let smooth = try model.cost(of: options, height: 384, width: 512)
        #expect(smooth.plan.parts.map(\.runs) == [1, 1, 6, 42, 1])
        #expect(smooth.memory.last!.outputByteCount == 3 * 384 * 512 * 4)
    }

    @Test func whatCannotFitSaysWhatWould() throws {
        let model = try model()
        let options = RestorationOptions()
        let (height, width) = (1200, 1600)
        let cost = try model.checkedCost(of: options, height: height, width: width, available: 1 << 50)
        let error = #expect(throws: InputError.self) {
            try model.checkedCost(of: options, height: height, width: width, available: 10_000_000)
        }
        #expect(error?.what.contains("1600 x 1200 pixels take at least") == true)
        // Strips take less than tiles here, so that there is nothing to be said for these.
        #expect(error?.advice?.contains("`tiled`") == false)
        #expect(error?.advice?.contains("`memory` lean") == true)
        #expect(error?.advice?.contains("`precision` int16") == true)
        let fitting = try model.checkedCost(of: options, height: height, width: width, available: cost.peakByteCount)
        #expect(fitting.arenaLimits == nil)
    }

    /// What does not fit as a whole is planned in strips, which repeat some operations.
    @Test func whatDoesNotFitIsPlannedInStrips() throws {
        let model = try model()
        let options = RestorationOptions()
        let whole = try model.cost(of: options, height: 1200, width: 1600)
        let available = whole.peakByteCount * 9 / 10
        let cost = try model.checkedCost(of: options, height: 1200, width: 1600, available: available)
        #expect(cost.arenaLimits != nil && cost.peakByteCount <= available)
        #expect(cost.floatingPointOperations > whole.floatingPointOperations)
        // What can never fit says the least that it takes, and that is enough.
        let least = try model.fittingCost(of: options, height: 1200, width: 1600, available: 1_000_000)
        #expect(least.peakByteCount < cost.peakByteCount)
        #expect(try model.checkedCost(of: options, height: 1200, width: 1600, available: least.peakByteCount).peakByteCount <= least.peakByteCount)
    }

    /// Twelve megapixels are planned, at each level, and memory grows as the image does.
    @Test(arguments: [OracleSetting.imported, .standard]) func memoryGrowsWithThePixels(_ setting: OracleSetting) throws {
        let model = try OracleModel.open(setting)
        let options = RestorationOptions()
        for phase in [1, 4] {
            let small = try model.cost(of: options, height: 1536, width: 2048).memory[phase].arenaByteCount
            let large = try model.cost(of: options, height: 3072, width: 4096).memory[phase].arenaByteCount
            #expect(Double(large) < 4.2 * Double(small))
        }
    }

    /// No value of the autoencoder is larger than a multiple of the image, at any size.
    @Test func noTypeHoldsASquareOfThePositions() throws {
        let configuration = try ModelConfiguration(yaml: String(contentsOfFile: repositoryFile("Tests/Fixtures/tiny.yaml"), encoding: .utf8))
        func largest(_ side: Int) throws -> Int {
            let graphs = try DeblurDiffArchitecture.graphs(configuration, height: side, width: side)
            return ["vae_encoder", "vae_decoder"].flatMap { name in
                graphs[name]!.order.flatMap { graphs[name]!.resultTypes(graphs[name]![$0]) }
            }.map(\.elementCount).max()!
        }
        #expect(try largest(16384) == 16 * largest(4096))
    }
}
