import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphRuntime
import GraphViews
import Images
import Jobs

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what restoring photographs will take, before anything runs.",
        discussion: """
            Takes what 'run' takes, with its options: for each size the size inside the networks, tiles, peak memory and time, from the plans of the programs and the \
            measured speed of this machine. The exit status is 1 where a photograph cannot fit into the memory that there is.
            """)

    @Argument(help: ArgumentHelp("Photographs, or folders with photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String]

    @OptionGroup var source: ModelOption

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var report: ReportFlags

    @OptionGroup var runtime: RuntimeFlags

    /// Of all photographs of a size.
    private struct Entry: Codable {
        /// Upright, in pixels.
        var width: Int
        var height: Int
        var photographs: [String]
        /// What the networks see, or each tile.
        var insideWidth: Int
        var insideHeight: Int
        var tiles: Int
        /// Of one photograph.
        var gigaFLOP: Double
        var seconds: Double
        var peakBytes: Int
        var fits: Bool
    }

    private struct Plan: Codable {
        var schema = "deblurdiff.plan/1"
        var model: String
        var photographs = 0
        /// Of all.
        var seconds = 0.0
        var peakBytes = 0
        var availableBytes: Int
        var sizes: [Entry] = []
        /// Photographs that cannot be read, and why.
        var failures: [String: String] = [:]
    }

    func run() throws {
        var images = images
        let named = try source.named(before: &images)
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        let path = try named ?? ShippedModel.path()
        try report.check(reads: images.filter { FileStatus($0)?.kind == S_IFREG } + [path])
        let model = try DeblurDiffModel(path: path, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let options = restoration.options(for: model.configuration)
        try options.validate(for: model.configuration)
        let limits = MachineLimits.measure(model.options.pool)
        var plan = Plan(model: path, availableBytes: AvailableMemory.byteCount)
        var sizes: [PhotoSize: [String]] = [:]
        for photo in try PhotoList.photographs(images) {
            do {
                let size = try PhotoSize(reading: photo, limits: reading.limits)
                sizes[size, default: []].append(photo)
            } catch let error as InputError { plan.failures[photo] = error.what }
        }
        for (size, photographs) in sizes.sorted(by: { ($0.key.width * $0.key.height, $0.key.width) < ($1.key.width * $1.key.height, $1.key.width) }) {
            let cost = try model.cost(of: options, height: size.height, width: size.width)
            let inside = cost.plan.insideSize(factor: model.configuration.latentFactor)
            let entry = Entry(
                width: size.width, height: size.height, photographs: photographs, insideWidth: inside.width, insideHeight: inside.height,
                tiles: cost.plan.tileCount, gigaFLOP: cost.floatingPointOperations / 1e9,
                seconds: cost.seconds(limits, precision: runtime.precision), peakBytes: cost.peakByteCount, fits: cost.peakByteCount <= plan.availableBytes)
            plan.sizes.append(entry)
            plan.photographs += photographs.count
            plan.seconds += entry.seconds * Double(photographs.count)
            plan.peakBytes = max(plan.peakBytes, entry.peakBytes)
        }
        try report.write(text: text(plan), json: encodeJSON(plan) + "\n")
        if plan.sizes.contains(where: { !$0.fits }) { throw ExitCode(1) }
    }

    private func text(_ plan: Plan) -> String {
        func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        var text = "        size       inside  tiles  photographs   time each       memory\n"
        for entry in plan.sizes {
            text += padded("\(entry.width) x \(entry.height)", 12) + padded("\(entry.insideWidth) x \(entry.insideHeight)", 13) + padded("\(entry.tiles)", 7)
            text += padded("\(entry.photographs.count)", 13) + padded(formatDuration(entry.seconds), 12) + padded(Units.bytes(entry.peakBytes), 13)
            text += entry.fits ? "\n" : "  more than there is\n"
        }
        for (photo, words) in plan.failures.sorted(by: { $0.key < $1.key }) { text += "\(photo): \(words)\n" }
        text += "\(plan.photographs) photograph\(plan.photographs == 1 ? "" : "s"): about \(formatDuration(plan.seconds)), "
        text += "\(Units.bytes(plan.peakBytes)) of \(Units.bytes(plan.availableBytes)) of memory\n"
        if plan.sizes.contains(where: { !$0.fits }) {
            text += restoration.tiled ? "A smaller --tile-size takes less memory.\n" : "With --tiled memory is bounded.\n"
        }
        return text
    }
}
