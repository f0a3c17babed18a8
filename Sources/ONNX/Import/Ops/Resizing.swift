import Files
import Operators
import Tensors

extension ImportRule {
    static let resizing: [ImportRule] = [
        .one("Resize") { try $0.resize() },
        // What Resize was called before opset 10.
        .one("Upsample") { node in
            let x = try node.input(0)
            let scales = try node.floats("scales")?.map(Double.init) ?? node.floats(node.input(1), "scales")
            return try node.resized(x, mode: node.resizeMode(), scales: scales, sizes: nil) {
                $0.coordinates = .asymmetric
                if $0.mode == .nearest { $0.nearestMode = .floor }
            }
        },
    ]
}

extension NodeImport {
    fileprivate func resizeMode() throws -> Operators.Resize.Mode {
        let word = try string("mode", default: "nearest")
        // Upsample's word for both was the second.
        guard let mode = word == "bilinear" ? .linear : Operators.Resize.Mode(rawValue: word) else {
            throw InputError("its attribute 'mode' must be nearest, linear or cubic, not '\(word)'")
        }
        return mode
    }

    fileprivate func resize() throws -> ImportedValue {
        let x = try input(0)
        let mode = try resizeMode()
        // Opset 10 had neither regions nor sizes, and one rule for coordinates.
        if opset < 11 {
            return try resized(x, mode: mode, scales: floats(input(1), "scales"), sizes: nil) {
                $0.coordinates = .asymmetric
                if mode == .nearest { $0.nearestMode = .floor }
            }
        }
        func given(_ index: Int) -> ImportedValue? { optionalInput(index).flatMap { type($0).elementCount == 0 ? nil : $0 } }
        let axes = try self.axes(integers("axes") ?? Array(0..<rank(x)), rank: rank(x))
        func spread<Number>(_ values: [Number], _ others: (Int) -> Number, _ role: String) throws -> [Number] {
            guard values.count == axes.count else { throw InputError("its '\(role)' has \(values.count) numbers for \(axes.count) dimensions") }
            return (0..<rank(x)).map { axis in axes.firstIndex(of: axis).map { values[$0] } ?? others(axis) }
        }
        let own = shape(x)
        var scales: [Double]?
        var sizes: [Int]?
        if let value = given(3) {
            sizes = try fitted(spread(integers(value, "sizes"), { own[$0] }, "sizes"), axes: axes, scales: &scales)
        } else if let value = given(2) {
            scales = try spread(floats(value, "scales"), { _ in 1 }, "scales")
        } else {
            throw InputError("neither scales nor sizes are given")
        }
        return try resized(x, mode: mode, scales: scales, sizes: sizes) { op in
            op.coordinates = try choice("coordinate_transformation_mode", default: .halfPixel)
            if mode == .nearest { op.nearestMode = try choice("nearest_mode", default: .roundPreferFloor) }
            if mode == .cubic { op.cubicCoefficient = Double(try float("cubic_coeff_a", default: -0.75)) }
            if mode != .nearest, try flag("exclude_outside", default: false) { op.excludesOutside = true }
            if mode != .nearest, try flag("antialias", default: false) { op.antialias = true }
            guard op.coordinates == .tfCropAndResize else { return }
            let roi = try given(1).map { try floats($0, "roi") } ?? []
            guard roi.count == 2 * axes.count else { throw InputError("its 'roi' has \(roi.count) numbers for \(axes.count) dimensions") }
            op.roi = try spread(Array(roi[..<axes.count]), { _ in 0 }, "roi") + spread(Array(roi[axes.count...]), { _ in 1 }, "roi")
            op.extrapolationValue = try float("extrapolation_value", default: 0)
        }
    }

    /// Sizes as they are, or changed so that the image keeps its proportions. Then the scales of all dimensions are the same one.
    private func fitted(_ sizes: [Int], axes: [Int], scales: inout [Double]?) throws -> [Int] {
        let own = shape(try input(0))
        let policy = try string("keep_aspect_ratio_policy", default: "stretch")
        guard policy != "stretch" else { return sizes }
        let ratios = axes.map { Double(sizes[$0]) / Double(own[$0]) }
        guard let scale = policy == "not_larger" ? ratios.min() : policy == "not_smaller" ? ratios.max() : nil, scale.isFinite else {
            throw InputError("its attribute 'keep_aspect_ratio_policy' cannot be '\(policy)'")
        }
        scales = (0..<own.rank).map { axes.contains($0) ? scale : 1 }
        return (0..<own.rank).map { axes.contains($0) ? Int((scale * Double(own[$0]) + 0.5).rounded(.down)) : own[$0] }
    }

    fileprivate func resized(
        _ x: ImportedValue, mode: Operators.Resize.Mode, scales: [Double]?, sizes: [Int]?, _ configure: (inout Operators.Resize) throws -> Void
    ) throws -> ImportedValue {
        let own = shape(x)
        guard scales ?? [] == scales?.filter({ $0.isFinite && $0 > 0 }) ?? [], (scales?.count ?? own.rank) == own.rank else {
            throw InputError("its scales must be \(own.rank) positive numbers, not \(scales ?? [])")
        }
        let sizes =
            try sizes
            ?? own.dimensions.enumerated().map { axis, size -> Int in
                let scaled = (Double(size) * scales![axis]).rounded(.down)
                guard scaled < 0x1p31 else { throw InputError("dimension \(axis) would have \(scaled) elements") }
                return Int(scaled)
            }
        let factors = scales ?? zip(sizes, own.dimensions).map { $1 == 0 ? 1 : Double($0) / Double($1) }
        var op = Operators.Resize(mode, sizes: sizes, scales: factors)
        try configure(&op)
        return mode == .nearest ? try apply(op, x) : try inFloat32([x]) { try apply(op, $0[0]) }
    }
}
