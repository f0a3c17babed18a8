import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphViews
import Images
import Jobs

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what restoring photographs will take, before anything runs.",
        discussion: """
            Takes what 'run' takes, with its options: for each size the size inside the networks, tiles, peak memory and time, from the plans of the programs and the \
            speed of this machine. That is measured once for a model and its options, in some seconds, and kept in ~/.cache/deblurdiff/speeds.json. Of the photographs only the \
            heads are read. The exit status is 1 where a photograph cannot fit into the memory that there is.
            """)

    @Argument(help: ArgumentHelp("Photographs, or folders with photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String]

    @OptionGroup var source: ModelOption

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var front: CleanerOption

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var writing: WritingFlags

    @OptionGroup var report: ReportFlags

    @OptionGroup var runtime: RuntimeFlags

    @OptionGroup var memory: MemoryFlags

    @Flag(help: "Count on no packed weights of earlier runs; see 'pack'.")
    var noPackCache = false

    func run() throws {
        var images = images
        let named = try source.named(before: &images)
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        let path = try named ?? defaultModel()
        try report.check(reads: images.filter { FileStatus($0)?.kind == S_IFREG } + [path])
        let model = try runtime.openModel(path, restoration.preset, cleaner: front.load(), packedFolder: noPackCache ? nil : PackedFolder.standard)
        var settings = RestorationSettings(restoration: try restoration.options(for: model.configuration), program: DeblurDiffCommand.program)
        settings.limits = reading.limits
        settings.memoryLimit = memory.maxMemory?.byteCount
        settings.writing = writing.options
        let plan = try WorkPlan(PhotoList.photographs(images, format: writing.codec), model: model, settings: settings, since: DeblurDiffCommand.start) {
            ProgressReporter(quiet: false).finish(PlanCommand.measuring)
        }
        try report.write(text: text(plan), json: encodeJSON(plan) + "\n")
        if !plan.fits { throw ExitCode(1) }
    }

    /// Said before it is done.
    static let measuring = "Measuring how fast this machine is with the model, once."

    private func text(_ plan: WorkPlan) -> String {
        func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        var text = "        size       inside  tiles  photographs   time each       memory\n"
        for size in plan.sizes {
            text += padded("\(size.width) x \(size.height)", 12) + padded("\(size.insideWidth) x \(size.insideHeight)", 13) + padded("\(size.tiles)", 7)
            text += padded("\(size.photographs.count)", 13) + padded(formatDuration(size.seconds), 12) + padded(Units.bytes(size.peakBytes), 13)
            text += size.fits ? "\n" : "  more than there is\n"
        }
        for (photo, words) in plan.failures.sorted(by: { $0.key < $1.key }) { text += "\(photo): \(words)\n" }
        text += "\(countOfPhotographs(plan.photographs)): about \(formatDuration(plan.seconds)), "
        text += "\(Units.bytes(plan.peakBytes)) of \(Units.bytes(plan.availableBytes)) of memory\n"
        if let advice = plan.advice, !advice.isEmpty { text += namingOptions(advice) + "\n" }
        return text
    }
}
