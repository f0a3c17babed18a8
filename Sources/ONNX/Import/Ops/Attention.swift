import Files
import Operators
import Tensors

extension ImportRule {
    static let attention: [ImportRule] = [ImportRule("Attention") { try AttentionImport($0).run() }]
}

/// The operator Attention (opset 23 to 25), written out: products, scale, masks, softmax. Everything is computed in f32.
private struct AttentionImport {
    let node: NodeImport
    let query: ImportedValue
    let elementType: ElementType
    let isFlat: Bool
    let queryHeads: Int
    let keyHeads: Int
    let scale: Float

    init(_ node: NodeImport) throws {
        self.node = node
        query = try node.input(0)
        elementType = node.elementType(query)
        isFlat = node.rank(query) == 3
        guard isFlat || node.rank(query) == 4, elementType.isFloatingPoint else {
            throw InputError("its query must be [N, T, heads d] or [N, heads, T, d], not \(node.type(query))")
        }
        let key = try node.input(1)
        guard node.rank(key) == node.rank(query), node.rank(try node.input(2)) == node.rank(query) else {
            throw InputError("query \(node.type(query)), key \(node.type(key)) and value do not go together")
        }
        if isFlat {
            (queryHeads, keyHeads) = (try node.requiredInteger("q_num_heads"), try node.requiredInteger("kv_num_heads"))
        } else {
            (queryHeads, keyHeads) = (node.shape(query)[1], node.shape(key)[1])
        }
        let width = node.shape(query)[-1]
        guard queryHeads > 0, keyHeads > 0, queryHeads % keyHeads == 0, !isFlat || width % queryHeads == 0 else {
            throw InputError("\(queryHeads) heads of the query and \(keyHeads) of the key do not go with \(node.type(query))")
        }
        let headSize = isFlat ? width / queryHeads : width
        scale = try node.float("scale") ?? 1 / Float(max(headSize, 1)).squareRoot()
    }

    func run() throws -> [ImportedValue?] {
        let q = try heads(query, queryHeads)
        var (k, v) = (try heads(node.input(1), keyHeads), try heads(node.input(2), keyHeads))
        var pastLength = 0
        if let pastKey = node.optionalInput(4), let pastValue = node.optionalInput(5) {
            guard node.rank(pastKey) == 4, node.rank(pastValue) == 4 else { throw InputError("its past keys must be [N, heads, T, d]") }
            pastLength = node.shape(pastKey)[2]
            (k, v) = (try node.apply(Concat(axis: 2), pastKey, k), try node.apply(Concat(axis: 2), pastValue, v))
        }
        let present = [k, v]
        let (wideQ, wideK, wideV) = (
            try node.cast(q, to: .float32), try repeated(node.cast(k, to: .float32)), try repeated(node.cast(v, to: .float32))
        )
        var scores = try node.apply(MatMul(), wideQ, node.transpose(wideK, [0, 1, 3, 2]))
        scores = try node.multiply(scores, node.scalar(Double(scale), .float32))
        let raw = scores
        if let softcap = try node.float("softcap"), softcap > 0 {
            let cap = node.scalar(Double(softcap), .float32)
            scores = try node.multiply(node.unary(.tanh, node.divide(scores, cap)), cap)
        }
        let capped = scores
        let bias = try bias(scores: node.shape(scores), pastLength: pastLength)
        if let bias { scores = try node.add(scores, bias) }
        let biased = scores
        var weights = try node.apply(Operators.Softmax(), scores)
        if let bias {
            // A query that sees no key gets zeros.
            let best = try node.reduce(.max, bias, axes: [node.rank(bias) - 1])
            let seesNothing = try node.binary(.equal, best, node.scalar(-.infinity, .float32))
            weights = try node.apply(Select(), seesNothing, node.scalar(0, .float32), weights)
        }
        var result = try node.cast(node.apply(MatMul(), weights, wideV), to: elementType)
        if isFlat {
            let d = node.shape(result).dimensions
            result = try node.reshape(node.transpose(result, [0, 2, 1, 3]), [d[0], d[2], d[1] * d[3]])
        }
        let modes = [raw, capped, biased, weights]
        let mode = try node.integer("qk_matmul_output_mode", default: 0)
        guard modes.indices.contains(mode) else { throw InputError("its attribute 'qk_matmul_output_mode' cannot be \(mode)") }
        return [result] + present + [node.wants(3) ? try node.cast(modes[mode], to: elementType) : nil]
    }

    /// [N, T, heads d] to [N, heads, T, d].
    private func heads(_ x: ImportedValue, _ count: Int) throws -> ImportedValue {
        guard isFlat else { return x }
        let d = node.shape(x).dimensions
        guard d[2] % count == 0 else { throw InputError("\(node.type(x)) does not divide into \(count) heads") }
        return try node.transpose(node.reshape(x, [d[0], d[1], count, d[2] / count]), [0, 2, 1, 3])
    }

    /// Each head of the key as often as heads of the query share it.
    private func repeated(_ x: ImportedValue) throws -> ImportedValue {
        guard queryHeads != keyHeads else { return x }
        let d = node.shape(x).dimensions
        guard d[1] == keyHeads else { throw InputError("\(node.type(x)) has not \(keyHeads) heads") }
        let wide = try node.expand(node.reshape(x, [d[0], d[1], 1, d[2], d[3]]), [d[0], d[1], queryHeads / keyHeads, d[2], d[3]])
        return try node.reshape(wide, [d[0], queryHeads, d[2], d[3]])
    }

    /// What is added to the scores: 0 where a query sees a key, minus infinity where it does not, and the given mask's numbers.
    private func bias(scores: Shape, pastLength: Int) throws -> ImportedValue? {
        let (queries, keys) = (scores[2], scores[3])
        var bias: ImportedValue?
        func mask(_ isSeen: ImportedValue) throws {
            let addend = try node.apply(Select(), isSeen, node.scalar(0, .float32), node.scalar(-.infinity, .float32))
            bias = try bias.map { try node.add($0, addend) } ?? addend
        }
        if let given = node.optionalInput(3) {
            let missing = keys - (node.shape(given).dimensions.last ?? .max)
            guard missing >= 0 else { throw InputError("its mask \(node.type(given)) does not go with \(keys) keys") }
            let isBool = node.elementType(given) == .bool
            let wide = isBool ? given : try node.cast(given, to: .float32)
            var padded = wide
            if missing > 0 {
                let none = [Int](repeating: 0, count: node.rank(given))
                padded = try node.apply(
                    Pad(before: none, after: none.dropLast() + [missing]), wide,
                    isBool ? node.scalar(0, .bool) : node.scalar(-.infinity, .float32))
            }
            if isBool { try mask(padded) } else { bias = padded }
        }
        // How far each query is behind the key of its own position, i + offset - j.
        let keyPositions = node.constant(Array(0..<keys))
        let lengths = node.optionalInput(6)
        var offset = node.scalar(Double(pastLength), .int64)
        if let lengths {
            let perBatch = try node.reshape(node.cast(lengths, to: .int64), [node.type(lengths).elementCount, 1, 1, 1])
            if pastLength == 0 { offset = try node.subtract(perBatch, node.scalar(Double(queries), .int64)) }
            try mask(node.binary(.less, keyPositions, perBatch))
        }
        let positions = try node.add(node.reshape(node.constant(Array(0..<queries)), [queries, 1]), offset)
        let distance = try node.subtract(positions, keyPositions)
        if try node.flag("is_causal", default: false) { try mask(node.binary(.greaterOrEqual, distance, node.scalar(0, .int64))) }
        let (left, right) = (try node.integer("left_window_size", default: -1), try node.integer("right_window_size", default: -1))
        if left >= 0 { try mask(node.binary(.lessOrEqual, distance, node.scalar(Double(left), .int64))) }
        if right >= 0 { try mask(node.binary(.greaterOrEqual, distance, node.scalar(-Double(right), .int64))) }
        return bias
    }
}
