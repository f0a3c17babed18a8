/// EXIF data: a TIFF structure whose first directory says what the picture is, and leads to others with how it was taken and where.
///
/// Only the fields that must change are changed, so that everything else stays where it is; see ``TIFFEditor``.
public struct EXIFData: Hashable, Sendable {
    public private(set) var bytes: [UInt8]

    enum Tag {
        static let orientation: UInt16 = 0x112
        static let software: UInt16 = 0x131
        static let exif: UInt16 = 0x8769
        static let gps: UInt16 = 0x8825
        static let interoperability: UInt16 = 0xa005
        static let thumbnailOffset: UInt16 = 0x201
        /// Width and height, in the first directory and in that of EXIF.
        static let sizes: [(first: UInt16, exif: UInt16)] = [(0x100, 0xa002), (0x101, 0xa003)]
        /// What the first directory of a TIFF file may have that is about the photograph, not about its samples: description, maker and model of the camera, program,
        /// time, artist, computer, rating, copyright, and the fields that Windows writes.
        static let aboutPhotograph: Set<UInt16> = [
            0x10e, 0x10f, 0x110, 0x131, 0x132, 0x13b, 0x13c, 0x4746, 0x4749, 0x8298, 0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f,
        ]
    }

    /// Nil where the first directory cannot be read.
    public init?(_ bytes: some Collection<UInt8>) {
        var bytes = Array(bytes)
        if bytes.starts(with: Array("Exif\0\0".utf8)) { bytes.removeFirst(6) }
        guard let editor = TIFFEditor(bytes), editor.read(\.first) != nil else { return nil }
        self.bytes = bytes
    }

    /// Empty but for the program's name.
    init(software: String) {
        var editor = TIFFEditor()
        editor.set([.text(Tag.software, software)])
        bytes = editor.bytes
    }

    /// What a TIFF file's own fields say of the photograph, made into EXIF data; nil where that is nothing.
    init?(of fields: TIFFFields) {
        guard let first = fields.first else { return nil }
        var editor = TIFFEditor()
        var own = EXIFData.small(first.entries.filter { Tag.aboutPhotograph.contains($0.tag) }).map(fields.field)
        for tag in [Tag.exif, Tag.gps] {
            guard let directory = fields.directory(tag, of: first) else { continue }
            let contents = EXIFData.small(directory.entries.filter { $0.tag != Tag.interoperability }).map(fields.field)
            if !contents.isEmpty { own.append(.long(tag, editor.append(contents))) }
        }
        guard !own.isEmpty else { return nil }
        editor.set(own)
        bytes = editor.bytes
    }

    /// Adds what this says of the photograph to a TIFF file's first directory.
    func add(to file: inout TIFFEditor) {
        let parts = TIFFEditor(bytes)?.read { fields -> (own: [TIFFField], others: [(UInt16, [TIFFField])])? in
            guard let first = fields.first else { return nil }
            let own = first.entries.filter { Tag.aboutPhotograph.contains($0.tag) }.map(fields.field)
            let others = [Tag.exif, Tag.gps].compactMap { tag in
                fields.directory(tag, of: first).map { (tag, $0.entries.filter { $0.tag != Tag.interoperability }.map(fields.field)) }
            }
            return (own, others)
        }
        guard let parts else { return }
        file.set(parts.own + parts.others.filter { !$0.1.isEmpty }.map { .long($0.0, file.append($0.1)) })
    }

    /// The entries that are of a reasonable size: all of them together.
    private static func small(_ entries: [TIFFFields.Entry]) -> [TIFFFields.Entry] {
        var left = 1 << 20
        return entries.filter {
            guard $0.range.count <= left else { return false }
            left -= $0.range.count
            return true
        }
    }

    /// 1...8, or nil where there is none.
    public var orientation: Int? {
        read { fields in fields.first?[Tag.orientation].flatMap(fields.number) }.flatMap { (1...8).contains($0) ? $0 : nil }
    }

    /// A text of the first directory or of that of EXIF.
    public func text(_ tag: UInt16) -> String? {
        read { fields in
            guard let first = fields.first else { return nil }
            return first[tag].flatMap(fields.text) ?? fields.directory(Tag.exif, of: first)?[tag].flatMap(fields.text)
        }
    }

    public var hasPosition: Bool { read { fields in fields.first.flatMap { fields.directory(Tag.gps, of: $0) } }.map { $0[2] != nil } ?? false }

    private func read<Result>(_ body: (TIFFFields) -> Result?) -> Result? { bytes.withUnsafeBytes { TIFFFields($0).flatMap(body) } }

    /// Says that the picture is upright and has this size, where it says anything of that, and takes the thumbnail away, which shows another picture.
    mutating func describe(width: Int, height: Int) {
        guard var editor = TIFFEditor(bytes), let first = editor.read(\.first) else { return }
        if let entry = first[Tag.orientation] { editor.setNumber(1, of: entry) }
        let exif = editor.read { $0.directory(Tag.exif, of: first) }
        for (tags, length) in zip(Tag.sizes, [width, height]) {
            if let entry = first[tags.first] { editor.setNumber(length, of: entry) }
            if let entry = exif?[tags.exif] { editor.setNumber(length, of: entry) }
        }
        if first.next != 0 { EXIFData.removeThumbnail(from: &editor, first) }
        bytes = editor.bytes
    }

    /// Unlinks the second directory, and cuts it off with its picture where nothing else lies behind them.
    private static func removeThumbnail(from editor: inout TIFFEditor, _ first: TIFFFields.Directory) {
        let ends = editor.read { fields -> (start: Int, rest: Int)? in
            guard let second = fields.directory(at: first.next) else { return nil }
            var kept = [first]
            for tag in [Tag.exif, Tag.gps] {
                guard let directory = fields.directory(tag, of: first) else { continue }
                kept.append(directory)
                if let inner = fields.directory(Tag.interoperability, of: directory) { kept.append(inner) }
            }
            let rest = kept.flatMap { [$0.range.upperBound] + $0.entries.map(\.range.upperBound) }.max() ?? 0
            let picture = second[Tag.thumbnailOffset].flatMap(fields.number) ?? .max
            return (min(second.range.lowerBound, picture), rest)
        }
        if first.range.count >= 6 { editor.put(UInt32(0), at: first.range.upperBound - 4) }
        if let ends, ends.start >= ends.rest, ends.start < editor.bytes.count { editor.cut(at: ends.start) }
    }

    mutating func setSoftware(_ name: String) {
        guard var editor = TIFFEditor(bytes) else { return }
        editor.set([.text(Tag.software, name)])
        bytes = editor.bytes
    }
}
