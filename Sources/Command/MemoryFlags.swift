import ArgumentParser
import Files

/// Bytes on the command line: `6GB`, `500 MB`, `1.5GiB`, or a number of bytes.
struct MemorySize: ExpressibleByArgument {
    var byteCount: Int

    init(_ byteCount: Int) { self.byteCount = byteCount }

    init?(argument: String) {
        let text = argument.lowercased().filter { $0 != " " }
        let number = text.prefix { $0.isNumber || $0 == "." }
        let units = ["": 1.0, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40]
        guard let value = Double(number), let unit = units[String(text.dropFirst(number.count))], value * unit >= 1, value * unit < 0x1p50 else { return nil }
        byteCount = Int(value * unit)
    }

    var defaultValueDescription: String { byteCount.isMultiple(of: 1_000_000) ? "\(byteCount / 1_000_000)MB" : "\(byteCount)" }
}

/// How much memory may be taken: by each program that is looked at or executed, by a whole restoration.
struct MemoryFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The most memory to take, weights included, as 6GB or 800MB. What would take more is computed in strips of rows, some of it several times, to the same \
            bits.
            """, valueName: "size"))
    var maxMemory: MemorySize?
}
