import ArgumentParser
import DeblurDiff
import Files
import GraphFile
import GraphPasses
import GraphRuntime
import GraphViews
import Tensors

/// An image size on the command line: `512x384`, width first.
struct ImageSize: ExpressibleByArgument {
    var width: Int
    var height: Int

    init?(argument: String) {
        let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], (1...32768).contains(width), (1...32768).contains(height) else {
            return nil
        }
        self.width = width
        self.height = height
    }

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    var defaultValueDescription: String { "\(width)x\(height)" }
    static let standard = ImageSize(width: 512, height: 512)
}

extension GraphFormat: ExpressibleByArgument {}

extension GraphStages {
    /// What the passes did, for the views.
    var passSummaries: [PassSummary] { statistics.map(PassSummary.init) }
    var rewriteRecords: [RewriteRecord] { log.map(RewriteRecord.init) }
}

/// Opens a model to look into it, not to run it.
func openModel(_ path: String, _ optimization: OptimizationFlags, _ arithmetic: ArithmeticFlags? = nil, _ memory: MemoryFlags? = nil) throws -> any StagedModel
{
    var options = RuntimeOptions(pool: ThreadPool())
    arithmetic?.apply(to: &options)
    options.packsWeights = optimization.level > .o0
    options.chooser = KernelChooser(tunes: false)
    options.memoryLimit = memory?.maxMemory?.byteCount
    let file = try ModelFile(path: path)
    return try file.kind.open(file, options, optimization.options)
}

extension StagedModel {
    /// The graph that is asked for, or the only one.
    func chosenGraph(_ name: String?) throws -> String {
        if let name { return name }
        guard graphNames.count == 1 else {
            throw InputError("there are several graphs: name one with --graph", advice: "The graphs are: " + graphNames.joined(separator: ", "))
        }
        return graphNames[0]
    }
}
