import Files
import Operators
import Tensors

extension ImportRule {
    static let gathering: [ImportRule] = [
        .one("Gather") { node in
            let x = try node.input(0)
            node.nameWeight(x, "weight")
            return try node.apply(Operators.Gather(axis: node.axis(node.integer("axis", default: 0), rank: node.rank(x))), x, node.input(1))
        },
        .one("GatherElements") { node in
            let x = try node.input(0)
            return try node.apply(GatherElements(axis: node.axis(node.integer("axis", default: 0), rank: node.rank(x))), x, node.input(1))
        },
        .one("GatherND") { node in
            try node.apply(GatherND(batchDimensions: node.integer("batch_dims", default: 0)), node.input(0), node.input(1))
        },
        .one("Compress") { node in
            var x = try node.input(0)
            let kept = try node.numbers(node.input(1), "condition").doubles.enumerated().filter { $0.element != 0 }.map(\.offset)
            let axis: Int
            if let given = try node.integer("axis") {
                axis = try node.axis(given, rank: node.rank(x))
            } else {
                (x, axis) = (try node.reshape(x, [node.type(x).elementCount]), 0)
            }
            guard (kept.last ?? 0) < max(node.shape(x)[axis], 1) else { throw InputError("its condition is longer than dimension \(axis)") }
            return try node.apply(Operators.Gather(axis: axis), x, node.constant(kept))
        },
    ]

    static let scattering: [ImportRule] = [
        .one("ScatterElements") { try $0.scatterElements() },
        // Its name before opset 11.
        .one("Scatter") { try $0.scatterElements() },
        .one("ScatterND") { node in
            try node.apply(ScatterND(reduction: node.scatterReduction()), node.input(0), node.input(1), node.input(2))
        },
    ]
}

extension NodeImport {
    fileprivate func scatterReduction() throws -> ScatterReduction {
        let word = try string("reduction", default: "none")
        guard let reduction = word == "mul" ? .multiply : ScatterReduction(rawValue: word) else {
            throw InputError("its attribute 'reduction' must be none, add, mul, max or min, not '\(word)'")
        }
        return reduction
    }

    fileprivate func scatterElements() throws -> ImportedValue {
        let x = try input(0)
        let axis = try axis(integer("axis", default: 0), rank: rank(x))
        return try apply(ScatterElements(axis: axis, reduction: scatterReduction()), x, input(1), input(2))
    }
}
