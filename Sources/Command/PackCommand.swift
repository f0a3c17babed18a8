import ArgumentParser
import DeblurDiff
import Files

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Keep a model's weights in the form that this machine's kernels read, so that 'run' starts at once.",
        discussion: """
            'run' does the same by itself, beside its first photograph. What is kept depends on the model, the precision, the instruction set, this build of the program, and a little on \
            the size of photographs; it is as large as the weights in memory, and lies in ~/.cache/deblurdiff/packed, where what was not used for 30 days, and all beyond 24 GiB, is \
            removed. Weights of a network of less than 96 MiB are packed in no time and are not kept.
            """)

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Size of the photographs.", valueName: "WxH"))
    var size = ImageSize.standard

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var front: CleanerOption

    @OptionGroup var runtime: RuntimeFlags

    func run() throws {
        guard let folder = PackedFolder.standard else { throw InputError("there is no folder for caches", advice: "Set HOME or XDG_CACHE_HOME.") }
        let model = try runtime.openModel(source.path(), restoration.preset, cleaner: front.load(), packedFolder: folder)
        let progress = ProgressReporter(quiet: quiet)
        let clock = ContinuousClock()
        let time = try clock.measure {
            try model.pack(try restoration.options(for: model.configuration), height: size.height, width: size.width) { progress.finish("Packed \($0).") }
            try model.packed?.finish()
        }
        progress.finish("\(Units.bytes(model.packed!.keptByteCount)) kept in \(folder), \(formatDuration(time / .seconds(1))).")
    }
}

/// Where packed weights are kept.
enum PackedFolder {
    static var standard: String? { FilePath.inCache("packed") }
}
