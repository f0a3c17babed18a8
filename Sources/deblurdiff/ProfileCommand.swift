import ArgumentParser
import Diffusion
import Foundation
import GraphViews
import Photos
import Tensors

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Restore an image and show where the time goes: by kind of op, and by node.")

    @Argument(help: ArgumentHelp("The converted model.", valueName: "model"))
    var model: String

    @Argument(help: ArgumentHelp("A PNG file.", valueName: "image"))
    var image: String

    @Option(help: "Steps of the sampler.")
    var steps = 2

    @Option(help: ArgumentHelp("Write a trace for Perfetto or Chrome.", valueName: "file"))
    var trace: String?

    @Option(help: ArgumentHelp("Write the denoising step with its times as a page for the browser.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("How many nodes to show, slowest first.", valueName: "n"))
    var nodes = 30

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var runtime: RuntimeFlags

    func run() throws {
        let photo = try Photo(readingPNG: image)
        let model = try DeblurDiffModel(path: model, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let recorder = ProfileRecorder()
        model.observation = { program, name in recorder.observer(of: program, named: name) }
        var options = RestorationOptions()
        options.steps = steps
        let progress = ProgressReporter(quiet: false)
        let restorer = try Restorer(model: model, options: options) { progress.restoration(photo.description, $0) }
        _ = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
        progress.clear()
        let report = recorder.report()
        if let trace { try writeOutput(recorder.trace(), to: trace) }
        if let html {
            let stages = try model.stages(of: "step", height: photo.height, width: photo.width)
            var dump = GraphDump(try model.program(stages.optimized), profile: report)
            dump.programName = "step"
            dump.before = (stages.imported, "imported")
            dump.passes = stages.passSummaries
            dump.rewrites = stages.rewriteRecords
            try writeOutput(dump.text(as: .html, title: "step, profiled"), to: html)
        }
        print(json ? report.json() : report.text(nodeLimit: nodes), terminator: "")
    }
}

extension Photo {
    fileprivate var description: String { "\(width) x \(height)" }
}
