import Images

/// The photograph, the guidance by predicted kernels at four steps from the first to the last, and the result; row by row.
struct ContactSheet: RestorationView {
    let name = "contact-sheet"

    func steps(of count: Int) -> [Int] { Array(Set((0..<4).map { $0 * (count - 1) / 3 })).sorted() }

    func picture(_ material: ViewMaterial) throws -> Photo {
        let guidance = try steps(of: material.stepCount).compactMap { material.guidance[$0] }.map(material.decode)
        let pictures = [material.photo] + guidance + [material.result]
        let columns = pictures.count < 4 ? pictures.count : pictures.count == 4 ? 2 : 3
        var sheet = PictureGrid(
            columns: columns, rows: (pictures.count + columns - 1) / columns, cell: PictureGrid.cell(for: [(material.photo.width, material.photo.height)]))
        for (index, picture) in pictures.enumerated() { sheet.draw(picture, column: index % columns, row: index / columns) }
        return sheet.photo
    }
}

/// Pictures in rows and columns, each made to fit its cell.
struct PictureGrid {
    private let cell: (width: Int, height: Int)
    private var canvas: Canvas
    private static let (largestSide, gap) = (480, 8)

    var photo: Photo { canvas.photo }

    init(columns: Int, rows: Int, cell: (width: Int, height: Int)) {
        self.cell = cell
        let gap = PictureGrid.gap
        canvas = Canvas(width: columns * (cell.width + gap) + gap, height: rows * (cell.height + gap) + gap)
    }

    /// As large as the largest of some pictures, but no side longer than 480.
    static func cell(for pictures: [(width: Int, height: Int)]) -> (width: Int, height: Int) {
        let sizes = pictures.map { fit(width: $0.width, height: $0.height, into: (largestSide, largestSide)) }
        return (sizes.map(\.width).max() ?? 1, sizes.map(\.height).max() ?? 1)
    }

    private static func fit(width: Int, height: Int, into box: (width: Int, height: Int)) -> (width: Int, height: Int) {
        let scale = min(1, min(Double(box.width) / Double(width), Double(box.height) / Double(height)))
        return (max(1, Int(Double(width) * scale)), max(1, Int(Double(height) * scale)))
    }

    mutating func draw(_ picture: Photo, column: Int, row: Int) {
        let (size, gap) = (PictureGrid.fit(width: picture.width, height: picture.height, into: cell), PictureGrid.gap)
        canvas.draw(picture, x: gap + column * (cell.width + gap), y: gap + row * (cell.height + gap), width: size.width, height: size.height)
    }
}

/// Pictures of an evaluation: a row for each photograph.
public enum EvaluationSheet {
    /// - Parameter rows: paths of pictures, as many in each row; nil leaves a cell empty.
    public static func picture(_ rows: [[String?]], limits: ReadingLimits) throws -> Photo {
        let heads = try rows.joined().compactMap { try $0.map { try PhotoHead(reading: $0, limits: limits) } }
        var sheet = PictureGrid(columns: rows.first?.count ?? 1, rows: max(1, rows.count), cell: PictureGrid.cell(for: heads.map { ($0.width, $0.height) }))
        for (row, paths) in rows.enumerated() {
            for (column, path) in paths.enumerated() {
                if let path { sheet.draw(try Photo(reading: path, limits: limits), column: column, row: row) }
            }
        }
        return sheet.photo
    }
}
