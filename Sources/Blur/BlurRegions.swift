import Files
import Images

/// Parts of a picture that move by themselves, each 0...1 at every pixel; later ones are in front of earlier ones.
enum BlurRegions {
    /// Smooth shapes at random, with edges of a pixel, as a stand-in for segmented objects. Each covers four tenths of the picture, on average.
    static func random(width: Int, height: Int, _ random: inout SeededNumbers, threads: Int) -> Plane {
        // Shapes of a third of the shorter side.
        let cell = max(Double(min(width, height)) / 4, 1)
        let (columns, rows) = (Int(Double(width) / cell) + 4, Int(Double(height) / cell) + 4)
        let heights = (0..<columns * rows).map { _ in random.normal() }
        /// Of four heights, a part of the way from the second to the third (Catmull and Rom), and how steep it is there.
        @Sendable func between(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ part: Double) -> (value: Double, slope: Double) {
            let (first, second, third) = ((c - a) / 2, a - 2.5 * b + 2 * c - d / 2, (d - a) / 2 + 1.5 * (b - c))
            return (b + part * (first + part * (second + part * third)), first + part * (2 * second + 3 * part * third))
        }
        return Plane(width: width, height: height, threads: threads) { y, row in
            let down = Double(y) / cell
            for x in 0..<width {
                let right = Double(x) / cell
                let corner = Int(down) * columns + Int(right)
                var lines: (SIMD4<Double>, SIMD4<Double>) = (.zero, .zero)
                for line in 0..<4 {
                    let at = corner + line * columns
                    (lines.0[line], lines.1[line]) = between(heights[at], heights[at + 1], heights[at + 2], heights[at + 3], right - right.rounded(.down))
                }
                let part = down - down.rounded(.down)
                let (value, downSlope) = between(lines.0[0], lines.0[1], lines.0[2], lines.0[3], part)
                let rightSlope = between(lines.1[0], lines.1[1], lines.1[2], lines.1[3], part).value
                let slope = (downSlope * downSlope + rightSlope * rightSlope).squareRoot() / cell
                // Pixels to the edge, about.
                row[x] = Float(min(max(0.5 + (value - 0.25) / max(slope, 1e-6), 0), 1))
            }
        }
    }

    /// Where the masks of a photograph are: one picture of its name, or a folder of its name with one for each region, later names in front.
    static func files(in folder: String, for name: String) throws -> [String] {
        let path = FilePath.join(folder, name)
        if let names = try? FilePath.contents(of: path) {
            let files = names.filter { !$0.hasPrefix(".") }.map { FilePath.join(path, $0) }.filter { ImageFormats.named($0) != nil }
            if !files.isEmpty { return files }
        }
        let endings = ImageFormats.all.flatMap(\.nameExtensions)
        if let file = endings.map({ "\(path).\($0)" }).first(where: { FileStatus($0) != nil }) { return [file] }
        throw InputError(
            "holds no masks for '\(name)'", at: folder, advice: "Name a mask \(name).png, or put one for each region into a folder '\(name)' there.")
    }

    /// A mask from its file, white inside.
    static func mask(_ path: String, width: Int, height: Int, limits: ReadingLimits) throws -> Plane {
        let photo = try Photo(reading: path, limits: limits)
        guard photo.width == width, photo.height == height else {
            throw InputError(
                "the mask is \(photo.width) x \(photo.height) pixels, but the photograph is \(width) x \(height)", at: path,
                advice: "A mask has its photograph's size, upright.")
        }
        switch photo.grayLevels {
        case .eight(let levels): return Plane(width: width, height: height, values: levels.map { Float($0) / 255 })
        case .sixteen(let levels): return Plane(width: width, height: height, values: levels.map { Float($0) / 65535 })
        }
    }
}
