/// How far each pixel moves from a frame to the next, seen from the time between them: Lucas and Kanade's method, from coarse to fine, with both frames moved halfway to each other.
struct FrameFlow {
    let right: Plane
    let down: Plane

    /// Of levels of brightness.
    init(from first: Plane, to second: Plane, threads: Int) {
        var levels = [(first, second)]
        while levels.count < 6, min(levels.last!.0.width, levels.last!.0.height) >= 64 {
            levels.append((levels.last!.0.halved(threads: threads), levels.last!.1.halved(threads: threads)))
        }
        let (top, _) = levels.last!
        var right = Plane(width: top.width, height: top.height, values: [Float](repeating: 0, count: top.values.count))
        var down = right
        for (first, second) in levels.reversed() {
            (right, down) = (
                right.enlarged(width: first.width, height: first.height, threads: threads),
                down.enlarged(width: first.width, height: first.height, threads: threads)
            )
            for _ in 0..<5 { FrameFlow.refine(&right, &down, first, second, threads) }
        }
        (self.right, self.down) = (right, down)
    }

    private static func refine(_ right: inout Plane, _ down: inout Plane, _ first: Plane, _ second: Plane, _ threads: Int) {
        let (width, height) = (first.width, first.height)
        let (before, after) = (first.moved(right, down, by: -0.5, threads), second.moved(right, down, by: 0.5, threads))
        /// Of each pixel: products of slopes with each other and with the change.
        func products(_ product: @escaping @Sendable (_ x: Float, _ y: Float, _ change: Float) -> Float) -> Plane {
            Plane(width: width, height: height, threads: threads) { y, row in
                let (above, below) = (max(y - 1, 0) * width, min(y + 1, height - 1) * width)
                for x in 0..<width {
                    let (left, next) = (y * width + max(x - 1, 0), y * width + min(x + 1, width - 1))
                    func slope(_ from: Int, _ to: Int) -> Float { (before.values[to] - before.values[from] + after.values[to] - after.values[from]) / 4 }
                    row[x] = product(slope(left, next), slope(above + x, below + x), after.values[y * width + x] - before.values[y * width + x])
                }
            }.averaged(radius: 4, threads: threads)
        }
        let (xx, xy, yy) = (products { x, _, _ in x * x }, products { x, y, _ in x * y }, products { _, y, _ in y * y })
        let (xt, yt) = (products { x, _, change in x * change }, products { _, y, change in y * change })
        var (newRight, newDown) = (right, down)
        for index in right.values.indices {
            // Where nothing is to be seen, nothing moves by itself.
            let (a, b, c) = (xx.values[index] + 1e-5, xy.values[index], yy.values[index] + 1e-5)
            let scale = -1 / (a * c - b * b)
            newRight.values[index] += min(max(scale * (c * xt.values[index] - b * yt.values[index]), -1), 1)
            newDown.values[index] += min(max(scale * (a * yt.values[index] - b * xt.values[index]), -1), 1)
        }
        (right, down) = (newRight.averaged(radius: 2, threads: threads), newDown.averaged(radius: 2, threads: threads))
    }
}

extension Plane {
    /// At places between pixels, bilinearly; beyond the edges it is as at the edges.
    private func value(_ x: Float, _ y: Float) -> Float {
        let (x, y) = (min(max(x, 0), Float(width - 1)), min(max(y, 0), Float(height - 1)))
        let (column, row) = (Int(x), Int(y))
        let (right, down) = (x - Float(column), y - Float(row))
        let (next, below) = (min(column + 1, width - 1), min(row + 1, height - 1))
        let above = values[row * width + column] + right * (values[row * width + next] - values[row * width + column])
        let under = values[below * width + column] + right * (values[below * width + next] - values[below * width + column])
        return above + down * (under - above)
    }

    /// What is there where a share of the flow leads.
    func moved(_ right: Plane, _ down: Plane, by share: Float, _ threads: Int) -> Plane {
        Plane(width: width, height: height, threads: threads) { y, row in
            for x in 0..<width { row[x] = value(Float(x) + share * right.values[y * width + x], Float(y) + share * down.values[y * width + x]) }
        }
    }

    func halved(threads: Int) -> Plane {
        Plane(width: width / 2, height: height / 2, threads: threads) { y, row in
            for x in 0..<width / 2 {
                let place = 2 * y * width + 2 * x
                row[x] = (values[place] + values[place + 1] + values[place + width] + values[place + width + 1]) / 4
            }
        }
    }

    /// A flow of half the size, for this size.
    fileprivate func enlarged(width: Int, height: Int, threads: Int) -> Plane {
        if width == self.width, height == self.height { return self }
        return Plane(width: width, height: height, threads: threads) { y, row in
            for x in 0..<width { row[x] = 2 * value((Float(x) - 0.5) / 2, (Float(y) - 0.5) / 2) }
        }
    }

    /// Over a square around each pixel; beyond the edges it is as at the edges.
    func averaged(radius: Int, threads: Int) -> Plane {
        let share = 1 / Float(2 * radius + 1)
        let lines = Plane(width: width, height: height, threads: threads) { y, row in
            for x in 0..<width {
                var sum: Float = 0
                for place in x - radius...x + radius { sum += values[y * width + min(max(place, 0), width - 1)] }
                row[x] = sum * share
            }
        }
        return Plane(width: width, height: height, threads: threads) { y, row in
            for x in 0..<width { row[x] = 0 }
            for place in y - radius...y + radius {
                let line = min(max(place, 0), height - 1) * width
                for x in 0..<width { row[x] += lines.values[line + x] }
            }
            for x in 0..<width { row[x] *= share }
        }
    }
}
