import Files
import Operators
import Tensors

extension ImportRule {
    static let pooling: [ImportRule] = [
        .one("AveragePool") { node in
            try node.pool(.average) { op in
                if try node.flag("count_include_pad", default: false) { op.countsPadding = true }
            }[0]
        },
        ImportRule("MaxPool") { node in
            try node.pool(.max) { op in
                guard node.wants(1) else { return }
                op.indices = true
                op.storageOrder = try node.integer("storage_order", default: 0)
            }
        },
        .one("LpPool") { node in try node.pool(.lp) { $0.p = try node.integer("p", default: 2) }[0] },
        .one("GlobalAveragePool") { node in try node.reduce(.mean, node.input(0), axes: node.spatialAxes()) },
        .one("GlobalMaxPool") { node in try node.reduce(.max, node.input(0), axes: node.spatialAxes()) },
        .one("GlobalLpPool") { node in
            let p = try node.integer("p", default: 2)
            guard p == 1 || p == 2 else { throw InputError("its attribute 'p' must be 1 or 2, not \(p)") }
            return try node.reduce(p == 1 ? .l1 : .l2, node.input(0), axes: node.spatialAxes())
        },
    ]
}

extension NodeImport {
    fileprivate func spatialAxes() throws -> [Int] {
        let x = try input(0)
        guard rank(x) >= 2 else { throw InputError("an image has at least two dimensions: \(type(x))") }
        return Array(2..<rank(x))
    }

    fileprivate func pool(_ kind: Pool.Kind, _ configure: (inout Pool) throws -> Void) throws -> [ImportedValue] {
        let x = try input(0)
        guard rank(x) >= 3 else { throw InputError("an image has at least three dimensions: \(type(x))") }
        let window = try window(sizes: Array(shape(x).dimensions.dropFirst(2)))
        var op = Pool(
            kind, kernelSize: window.kernel, strides: window.strides, padding: window.padding, dilations: window.dilations,
            ceilMode: try flag("ceil_mode", default: false))
        try configure(&op)
        let results = try applyAll(op, [cast(x, to: .float32)])
        return [try cast(results[0], to: elementType(x))] + results.dropFirst()
    }
}
