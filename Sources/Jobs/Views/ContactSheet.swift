import Images

/// The photograph, the guidance by predicted kernels at four steps from the first to the last, and the result; row by row.
struct ContactSheet: RestorationView {
    let name = "contact-sheet"
    private static let (largestSide, gap) = (480, 8)

    func steps(of count: Int) -> [Int] { Array(Set((0..<4).map { $0 * (count - 1) / 3 })).sorted() }

    func picture(_ material: ViewMaterial) throws -> Photo {
        let guidance = try steps(of: material.stepCount).compactMap { material.guidance[$0] }.map(material.decode)
        let pictures = [material.photo] + guidance + [material.result]
        let scale = min(1, Double(ContactSheet.largestSide) / Double(max(material.photo.width, material.photo.height)))
        let (width, height) = (max(1, Int(Double(material.photo.width) * scale)), max(1, Int(Double(material.photo.height) * scale)))
        let columns = pictures.count < 4 ? pictures.count : pictures.count == 4 ? 2 : 3
        let rows = (pictures.count + columns - 1) / columns
        let gap = ContactSheet.gap
        var canvas = Canvas(width: columns * (width + gap) + gap, height: rows * (height + gap) + gap)
        for (index, picture) in pictures.enumerated() {
            canvas.draw(picture, x: gap + index % columns * (width + gap), y: gap + index / columns * (height + gap), width: width, height: height)
        }
        return canvas.photo
    }
}
