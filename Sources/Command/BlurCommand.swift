import ArgumentParser
import Blur
import Files
import Foundation
import GraphViews
import Images
import Jobs
import TensorFiles
import Tensors

struct BlurCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blur",
        abstract: "Make blurred photographs of sharp ones, to measure restorations with.",
        discussion: """
            As the paper's appendix A: random trajectories after Boracchi and Foi move the whole picture, or regions of it each by its own, in linear light. The folder of the \
            results gets 'blur' and 'sharp' with the pairs (PNG, of the same size and depth), 'kernels' with the kernels (NumPy's format, and a picture), and 'blur.jsonl' with \
            how each was made. All random numbers follow from --seed and a photograph's name below the folder that was given: the same command makes the same \
            pixels on every machine, whatever other photographs and however many threads there are. See 'deblurdiff help blur'.
            """)

    @Argument(help: ArgumentHelp("Sharp photographs, or folders with them.", valueName: "sharp"))
    var images: [String] = []

    @Option(name: [.short, .long], help: ArgumentHelp("The folder for the results.", valueName: "folder"))
    var output: String?

    @Option(help: "Seed of the random numbers.")
    var seed: UInt64 = 231

    @Option(help: ArgumentHelp("Length of a trajectory in pixels: a number, or two between which it is drawn, 1-1000.", valueName: "range"))
    var length = NumberRange(Trajectory.Options().length)

    @Option(help: ArgumentHelp("Scale trajectories to this extent, the largest distance between two of their points, in pixels.", valueName: "range"))
    var extent: NumberRange?

    @Option(help: ArgumentHelp("How far from a straight line trajectories are; drawn evenly in its logarithm.", valueName: "range"))
    var anxiety = NumberRange(Trajectory.Options().anxiety)

    @Option(help: "Side of the kernels in pixels, odd; larger trajectories are scaled down to it.")
    var kernelSize = Trajectory.Options().kernelSize

    @Option(help: ArgumentHelp("So many smooth random shapes move by themselves before the background, 1 to 16.", valueName: "range"))
    var regions: NumberRange?

    @Option(
        help: ArgumentHelp(
            "A folder with masks: NAME.png, white for what moves by itself, or a folder NAME with one for each region, later names in front.",
            valueName: "folder"))
    var masks: String?

    @Option(help: ArgumentHelp("Instead, average so many frames that follow each other in a folder, an odd number.", valueName: "n"))
    var frames: Int?

    @Option(help: ArgumentHelp("Into how many parts the time between two frames is cut, with frames made in between.", valueName: "n"))
    var between = 8

    @Option(help: "What is known of the light beyond the edges: crop cuts half a kernel off each side, mirror keeps the size.")
    var edges = BlurMaker.Edges.crop

    @Option(help: ArgumentHelp("The camera's response: srgb, or a gamma; 1 for samples that are light.", valueName: "srgb|gamma"))
    var response = CameraResponse.sRGB

    @Option(help: ArgumentHelp("Noise in black: its deviation, where white's light is 1.", valueName: "range"))
    var readNoise = NumberRange(0...0)

    @Option(help: ArgumentHelp("Noise that grows with the light's root: its deviation in white.", valueName: "range"))
    var shotNoise = NumberRange(0...0)

    @Option(help: ArgumentHelp("Do to the blurred pictures what JPEG of this quality does, 1 to 100.", valueName: "range"))
    var jpeg: NumberRange?

    @Option(help: ArgumentHelp("So many blurred pictures of each photograph.", valueName: "n"))
    var count = 1

    @Option(help: ArgumentHelp("Only draw so many trajectories, and say what they are like.", valueName: "n"))
    var statistics: Int?

    @Flag(help: "Report the statistics as JSON.")
    var json = false

    @Option(help: "Threads to compute with. The result does not depend on it. (default: one a processor)")
    var threads: Int?

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var reading: ReadingFlags

    func validate() throws {
        if let statistics {
            guard images.isEmpty, output == nil else { throw ValidationError("--statistics takes no photographs.") }
            guard (1...1_000_000).contains(statistics) else { throw ValidationError("--statistics must be 1 to 1000000.") }
        } else {
            guard !images.isEmpty else { throw ValidationError("Name at least one photograph or folder.") }
            guard let output, !output.isEmpty else { throw ValidationError("Say where to write, with --output.") }
        }
        guard regions == nil || masks == nil else { throw ValidationError("--regions and --masks do not go together.") }
        guard frames == nil || (regions == nil && masks == nil && extent == nil && count == 1) else {
            throw ValidationError("With --frames the motion is that of the frames: no --regions, --masks, --extent and --count.")
        }
        guard (1...1000).contains(count) else { throw ValidationError("--count must be 1 to 1000.") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
    }

    func run() throws {
        let maker = try maker()
        if let statistics { return try report(statistics, maker) }
        let output = output!
        let list = try PhotoList(
            inputs: images, output: FilePath.join(output, "blur") + "/", format: PNGCodec(), writes: [], reads: masks.map { [$0] } ?? [])
        let works = try works(list, output)
        try FilePath.makeFolder(output)
        try list.prepareFolder()
        let progress = ProgressReporter(quiet: quiet)
        for remark in list.remarks { progress.finish(remark) }
        var records: [BlurMaker.Record] = []
        var failures: [String] = []
        func attempt(_ input: String, _ make: () throws -> BlurMaker.Record) throws {
            do {
                records.append(try make())
                progress.finish("Wrote \(FilePath.join(output, records.last!.blurredFile!)).")
            } catch let error as InputError {
                guard list.jobs.count > 1 else { throw error }
                failures.append(input)
                progress.report(error)
            }
        }
        for work in works {
            try attempt(work.input) { try make(work, maker, output) }
        }
        let lines = records.map(Manifest.line)
        try writeOutput(lines.map { $0 + "\n" }.joined(), to: FilePath.join(output, "blur.jsonl"))
        if let statistics = MotionStatistics(records.flatMap(\.motions)), !quiet {
            if json { try print(encodeJSON(statistics)) } else { try print(text(statistics), terminator: "") }
        }
        guard failures.isEmpty else { throw InputError("\(failures.count) could not be blurred:" + failures.map { "\n    \($0)" }.joined()) }
    }

    private func maker() throws -> BlurMaker {
        var maker = BlurMaker()
        (maker.trajectories.length, maker.trajectories.extent, maker.trajectories.anxiety) = (length.value, extent?.value, anxiety.value)
        (maker.trajectories.kernelSize, maker.edges, maker.response) = (kernelSize, edges, response)
        (maker.readNoise, maker.shotNoise, maker.seed, maker.limits) = (readNoise.value, shotNoise.value, seed, reading.limits)
        maker.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        maker.jpegQuality = try jpeg?.whole("--jpeg")
        if let regions { maker.regions = .random(try regions.whole("--regions")) }
        if let masks {
            guard FileStatus(masks)?.kind == S_IFDIR else { throw InputError("is no folder of masks", at: masks) }
            maker.regions = .masks(folder: masks)
        }
        try maker.validate()
        return maker
    }

    /// A blurred picture to be made.
    private struct Work {
        var input: String
        /// Below the folders of the results, without ending.
        var name: String
        /// Decides the random numbers, beside the name.
        var number: Int
        var frames: [String] = []

        /// Where it goes, below the folder of the results.
        func file(_ folder: String, _ ending: String) -> String { "\(folder)/\(name)\(number == 0 ? "" : "-\(number)")\(ending)" }
    }

    private func works(_ list: PhotoList, _ output: String) throws -> [Work] {
        let named = list.jobs.map { job in
            let below = job.output.dropFirst(FilePath.join(output, "blur").count).drop { $0 == "/" }
            return Work(input: job.input, name: String(below.dropLast(4)), number: 0)
        }
        guard let frames else {
            return named.flatMap { work in (0..<count).map { Work(input: work.input, name: work.name, number: count == 1 ? 0 : $0 + 1) } }
        }
        // In each folder by itself.
        let folders = Dictionary(grouping: named) { FilePath.folder(of: $0.input) }
        let works = folders.sorted { $0.key < $1.key }.flatMap { _, works in
            stride(from: 0, through: works.count - frames, by: max(frames, 1)).map { first in
                var work = works[first + frames / 2]
                work.frames = works[first..<first + frames].map(\.input)
                return work
            }
        }
        guard !works.isEmpty else { throw InputError("no folder holds \(frames) frames", at: images[0]) }
        return works
    }

    private func make(_ work: Work, _ maker: BlurMaker, _ output: String) throws -> BlurMaker.Record {
        let result: BlurMaker.Result
        if work.frames.isEmpty {
            let photo = try Photo(reading: work.input, limits: reading.limits)
            do { result = try maker.blurred(photo, name: work.name, number: work.number) } catch let error as InputError {
                throw error.location?.hasPrefix("`") ?? true ? InputError(error.what, at: work.input, advice: error.advice) : error
            }
        } else {
            result = try maker.averaged(frames: work.frames, between: between, name: work.name)
        }
        var record = result.record
        func path(_ file: String) throws -> String {
            let path = FilePath.join(output, file)
            try FilePath.makeFolder(FilePath.folder(of: path))
            return path
        }
        let (blurred, sharp, kernel) = (work.file("blur", ".png"), work.file("sharp", ".png"), work.file("kernels", ".npy"))
        try result.sharp.writePNG(try path(sharp))
        if !result.kernels.isEmpty {
            let size = result.kernels[0].size
            try TensorFile.write([("kernels", Tensor(result.kernels.flatMap(\.shares), shape: [result.kernels.count, size, size]))], to: try path(kernel))
            try BlurKernel.picture(of: result.kernels).writePNG(try path(work.file("kernels", ".png")))
            record.kernelFile = kernel
        }
        try result.blurred.writePNG(try path(blurred))
        (record.blurredFile, record.sharpFile) = (blurred, sharp)
        return record
    }

    private func report(_ count: Int, _ maker: BlurMaker) throws {
        let motions = (0..<count).map { index in
            var random = SeededNumbers(seed: seed, name: "statistics/\(index)")
            return BlurMaker.Motion(Trajectory(maker.trajectories, &random))
        }
        guard let statistics = MotionStatistics(motions) else { return }
        if json { try print(encodeJSON(statistics)) } else { try print(text(statistics), terminator: "") }
    }

    private func text(_ statistics: MotionStatistics) -> String {
        let rows: [(String, MotionStatistics.Spread)] = [
            ("length, pixels", statistics.length), ("extent, pixels", statistics.extent), ("extent / length", statistics.straightness),
            ("turning, degrees a pixel", statistics.turning),
        ]
        var text = "\(statistics.count) trajectories".padded(to: 26) + "   least      5 %   median     mean     95 %     most\n"
        for (name, spread) in rows {
            let values = [spread.least, spread.low, spread.median, spread.mean, spread.high, spread.most]
            text += name.padded(to: 26) + values.map { String(format: $0 < 10 ? "%8.2f" : "%8.1f", $0) }.joined(separator: " ") + "\n"
        }
        return text + String(format: "scaled down to fit: %.1f %%\n", 100 * statistics.fitted)
    }
}

/// A number, or two with a hyphen between them.
struct NumberRange: ExpressibleByArgument {
    var value: ClosedRange<Double>

    init(_ value: ClosedRange<Double>) { self.value = value }

    init?(argument: String) {
        let parts = argument.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
        guard (1...2).contains(parts.count), let low = parts[0], let high = parts[parts.count - 1], low.isFinite, high.isFinite, low <= high else { return nil }
        value = low...high
    }

    func whole(_ option: String) throws -> ClosedRange<Int> {
        guard let low = Int(exactly: value.lowerBound), let high = Int(exactly: value.upperBound) else {
            throw InputError("takes whole numbers, not \(defaultValueDescription)", at: option)
        }
        return low...high
    }

    var defaultValueDescription: String {
        func text(_ number: Double) -> String { Int(exactly: number).map { "\($0)" } ?? "\(number)" }
        return value.lowerBound == value.upperBound ? text(value.lowerBound) : "\(text(value.lowerBound))-\(text(value.upperBound))"
    }
}

extension BlurMaker.Edges: ExpressibleByArgument {}
extension CameraResponse: ExpressibleByArgument {
    public init?(argument: String) {
        if argument.lowercased() == "srgb" {
            self = .sRGB
        } else if let gamma = Double(argument), gamma.isFinite {
            self = .gamma(gamma)
        } else {
            return nil
        }
    }

    public var defaultValueDescription: String { if case .gamma(let gamma) = self { "\(gamma)" } else { "srgb" } }
}
