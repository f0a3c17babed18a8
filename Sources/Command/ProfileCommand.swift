import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphRuntime
import GraphViews
import Images
import TensorFiles
import Tensors

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Restore an image and show where the time goes: by kind of op, and by node.",
        discussion: "Graphs that are no DeblurDiff need no image: one of them runs on random numbers.")

    @OptionGroup var source: ModelOption

    @Argument(help: ArgumentHelp("A photograph, for DeblurDiff; the model may stand in front of it.", valueName: "image"))
    var images: [String] = []

    @Option(help: ArgumentHelp("Which graph, of a model that is no DeblurDiff; needed where there are several.", valueName: "name"))
    var graph: String?

    @Option(help: "Steps of the sampler, or runs of the graph.")
    var steps = 2

    @OptionGroup var stepFlags: StepFlags

    @Option(help: ArgumentHelp("Write a trace for Perfetto or Chrome.", valueName: "file"))
    var trace: String?

    @Option(help: ArgumentHelp("Write the denoising step with its times as a page for the browser.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("How many nodes to show, slowest first.", valueName: "n"))
    var nodes = 30

    @OptionGroup var report: ReportFlags

    @OptionGroup var runtime: RuntimeFlags

    @OptionGroup var memory: MemoryFlags

    func validate() throws {
        guard steps > 0 else { throw ValidationError("--steps must be positive.") }
        guard html == nil || stepFlags.stepSchedule == nil && stepFlags.reuse == nil else {
            throw ValidationError("--html shows a step that is not cut; leave out --reuse.")
        }
    }

    func run() throws {
        var images = images
        let path = try source.named(before: &images, limit: 1) ?? defaultModel()
        guard images.count <= 1 else { throw ValidationError("Name one image, not \(images.count).") }
        try OutputFile.check([trace, html, report.output].compactMap { $0 }, reads: images + [path])
        let file = try ModelFile(path: path)
        guard file.family?.name == DeblurDiffModel.family else {
            guard images.isEmpty else { throw InputError("holds no DeblurDiff; leave the image out", at: path) }
            return try profileGraph(of: file)
        }
        guard let image = images.first else { throw ValidationError("Name an image to restore.") }
        guard graph == nil else { throw InputError("all graphs of a DeblurDiff are profiled; leave it out", at: "--graph") }
        let photo = try Photo(reading: image)
        let model = try DeblurDiffModel(file: file, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let recorder = ProfileRecorder()
        var options = RestorationOptions()
        options.steps = steps
        try stepFlags.apply(to: &options, preset: nil)
        let progress = ProgressReporter(quiet: false)
        let restorer = try Restorer(
            model: model, options: options, observation: { program, name in recorder.observer(of: program, named: name) },
            progress: { progress.restoration(photo.description, $0) })
        if let limit = memory.maxMemory?.byteCount {
            restorer.arenaLimits = try model.checkedCost(of: options, height: photo.height, width: photo.width, available: limit).arenaLimits
        }
        _ = try restorer.restore(photo.planes())
        progress.clear()
        try write(recorder, of: model, "step", height: photo.height, width: photo.width)
    }

    private func profileGraph(of file: ModelFile) throws {
        var options = runtime.makeOptions()
        options.memoryLimit = memory.maxMemory?.byteCount
        let model = try GraphModel(file: file, options: options, optimization: runtime.optimization.options)
        let name = try model.chosenGraph(graph)
        let program = try model.program(model.stages(of: name, height: 0, width: 0).optimized)
        let inputs = try GraphInputs.bind(program.graph, given: GivenTensors([]), randomSeed: 0)
        let (recorder, workspace) = (ProfileRecorder(), Workspace())
        for _ in 0..<steps { _ = try program.run(inputs, in: workspace, observer: recorder.observer(of: program, named: name)) }
        try write(recorder, of: model, name, height: 0, width: 0)
    }

    private func write(_ recorder: ProfileRecorder, of model: any StagedModel, _ name: String, height: Int, width: Int) throws {
        let profile = recorder.report()
        if let trace { try writeOutput(recorder.trace(), to: trace) }
        if let html {
            let stages = try model.stages(of: name, height: height, width: width)
            var dump = GraphDump(try model.plan(stages.optimized), profile: profile)
            dump.programName = name
            dump.before = (stages.imported, "imported")
            dump.passes = stages.passSummaries
            dump.rewrites = stages.rewriteRecords
            try writeOutput(dump.text(as: .html, title: "\(name), profiled"), to: html)
        }
        try report.write(text: profile.text(nodeLimit: nodes), json: profile.json())
    }
}

extension Photo {
    fileprivate var description: String { "\(width) x \(height)" }
}
