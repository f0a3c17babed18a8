import Files
import Operators
import Tensors

extension ImportRule {
    static let shapes: [ImportRule] = [
        .one("Shape") { node in
            let dimensions = node.shape(try node.input(0)).dimensions
            func bound(_ name: String, _ value: Int) throws -> Int {
                let index = try node.integer(name, default: value)
                return min(max(index < 0 ? index + dimensions.count : index, 0), dimensions.count)
            }
            let (start, end) = (try bound("start", 0), try bound("end", dimensions.count))
            return node.constant(start < end ? Array(dimensions[start..<end]) : [])
        },
        .one("Size") { node in
            try node.reshape(node.constant([node.type(node.input(0)).elementCount]), [])
        },
        .one("Reshape") { try $0.reshaped() },
        .one("Flatten") { node in
            let x = try node.input(0)
            let d = node.shape(x).dimensions
            let axis = try node.integer("axis", default: 1)
            let split = axis == d.count ? axis : try node.axis(axis, rank: d.count)
            return try node.reshape(x, [Shape(Array(d[..<split])).elementCount, Shape(Array(d[split...])).elementCount])
        },
        .one("Squeeze") { node in
            let x = try node.input(0)
            let d = node.shape(x).dimensions
            let axes =
                try node.integers(attribute: "axes", orInput: 1).map { try node.axes($0, rank: d.count) }
                ?? d.indices.filter { d[$0] == 1 }
            if let wide = axes.first(where: { d[$0] != 1 }) { throw InputError("dimension \(wide) of \(node.type(x)) is not 1") }
            return try node.reshape(x, Shape(d.indices.filter { !axes.contains($0) }.map { d[$0] }))
        },
        .one("Unsqueeze") { node in
            let x = try node.input(0)
            guard let given = try node.integers(attribute: "axes", orInput: 1) else { throw InputError("its axes are missing") }
            let axes = try node.axes(given, rank: node.rank(x) + given.count)
            var dimensions = node.shape(x).dimensions
            for axis in axes.sorted() { dimensions.insert(1, at: axis) }
            return try node.reshape(x, Shape(dimensions))
        },
        .one("Expand") { node in
            let x = try node.input(0)
            let target = try node.integers(node.input(1), "shape")
            let own = node.shape(x).dimensions
            let rank = max(own.count, target.count)
            // Sizes of one in the target leave the operand's size, as everywhere where shapes are broadcast.
            let shape = (0..<rank).map { axis -> Int in
                let mine = axis < rank - own.count ? 1 : own[axis - (rank - own.count)]
                let wanted = axis < rank - target.count ? 1 : target[axis - (rank - target.count)]
                return wanted == 1 ? mine : wanted
            }
            return try node.expand(x, Shape(shape))
        },
        .one("Tile") { node in
            let x = try node.input(0)
            let repeats = try node.integers(node.input(1), "repeats")
            return repeats.allSatisfy { $0 == 1 } && repeats.count == node.rank(x) ? x : try node.apply(Tile(repeats: repeats), x)
        },
    ]
}

extension NodeImport {
    fileprivate func reshaped() throws -> ImportedValue {
        let x = try input(0)
        guard let target = try integers(attribute: "shape", orInput: 1) else { throw InputError("its shape is missing") }
        let own = shape(x)
        let keepsZeros = try flag("allowzero", default: false)
        var dimensions = try target.enumerated().map { axis, size -> Int in
            guard size == 0, !keepsZeros else { return size }
            guard axis < own.rank else { throw InputError("\(target) copies dimension \(axis), which \(type(x)) does not have") }
            return own[axis]
        }
        let open = dimensions.indices.filter { dimensions[$0] == -1 }
        guard open.count <= 1, dimensions.allSatisfy({ $0 >= -1 }) else { throw InputError("\(target) is no shape") }
        if let axis = open.first {
            dimensions[axis] = 1
            guard let known = Shape(dimensions).checkedElementCount, known > 0, own.elementCount % known == 0 else {
                throw InputError("\(type(x)) does not have the shape \(target)")
            }
            dimensions[axis] = own.elementCount / known
        }
        return try reshape(x, Shape(dimensions))
    }
}
