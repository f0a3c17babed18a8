import ArgumentParser
import Diffusion
import Foundation
import GraphRuntime
import GraphViews
import ModelFile
import Photos
import TensorFiles
import Tensors

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Restore an image and show where the time goes: by kind of op, and by node.",
        discussion: "Graphs that are no DeblurDiff need no image: one of them runs on random numbers.")

    @Argument(help: ArgumentHelp("The converted model.", valueName: "model"))
    var model: String

    @Argument(help: ArgumentHelp("A PNG file, for DeblurDiff.", valueName: "image"))
    var image: String?

    @Option(help: ArgumentHelp("Which graph, of a model that is no DeblurDiff; needed where there are several.", valueName: "name"))
    var graph: String?

    @Option(help: "Steps of the sampler, or runs of the graph.")
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

    func validate() throws {
        guard steps > 0 else { throw ValidationError("--steps must be positive.") }
    }

    func run() throws {
        let file = try ModelFile(path: model)
        guard file.configuration != nil else { return try profileGraph(of: file) }
        guard let image else { throw InputError("name an image to restore", at: model) }
        guard graph == nil else { throw InputError("all graphs of a DeblurDiff are profiled; leave it out", at: "--graph") }
        let photo = try Photo(readingPNG: image)
        let model = try DeblurDiffModel(file: file, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let recorder = ProfileRecorder()
        model.observation = { program, name in recorder.observer(of: program, named: name) }
        var options = RestorationOptions()
        options.steps = steps
        let progress = ProgressReporter(quiet: false)
        let restorer = try Restorer(model: model, options: options) { progress.restoration(photo.description, $0) }
        _ = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
        progress.clear()
        try report(recorder, of: model, "step", height: photo.height, width: photo.width)
    }

    private func profileGraph(of file: ModelFile) throws {
        guard image == nil else { throw InputError("holds no DeblurDiff; leave the image out", at: model) }
        let model = try GraphModel(file: file, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let name = try model.chosenGraph(graph)
        let program = try model.program(model.stages(of: name, height: 0, width: 0).optimized)
        let inputs = try GraphInputs.bind(program.graph, given: GivenTensors([]), randomSeed: 0)
        let (recorder, workspace) = (ProfileRecorder(), Workspace())
        for _ in 0..<steps { _ = try program.run(inputs, in: workspace, observer: recorder.observer(of: program, named: name)) }
        try report(recorder, of: model, name, height: 0, width: 0)
    }

    private func report(_ recorder: ProfileRecorder, of model: any StagedModel, _ name: String, height: Int, width: Int) throws {
        let report = recorder.report()
        if let trace { try writeOutput(recorder.trace(), to: trace) }
        if let html {
            let stages = try model.stages(of: name, height: height, width: width)
            var dump = GraphDump(try model.program(stages.optimized), profile: report)
            dump.programName = name
            dump.before = (stages.imported, "imported")
            dump.passes = stages.passSummaries
            dump.rewrites = stages.rewriteRecords
            try writeOutput(dump.text(as: .html, title: "\(name), profiled"), to: html)
        }
        print(json ? report.json() : report.text(nodeLimit: nodes), terminator: "")
    }
}

extension Photo {
    fileprivate var description: String { "\(width) x \(height)" }
}
