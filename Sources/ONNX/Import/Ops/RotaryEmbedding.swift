import Files
import Operators
import Tensors

extension ImportRule {
    static let rotaryEmbedding: [ImportRule] = [.one("RotaryEmbedding") { try $0.rotaryEmbedding() }]
}

extension NodeImport {
    /// Pairs of channels, turned by an angle that depends on the position.
    fileprivate func rotaryEmbedding() throws -> ImportedValue {
        let given = try input(0)
        var x = given
        if rank(given) == 3 {
            let (d, heads) = (shape(given).dimensions, try requiredInteger("num_heads"))
            guard heads > 0, d[2] % heads == 0 else { throw InputError("\(type(given)) does not divide into \(heads) heads") }
            x = try reshape(given, [d[0], d[1], heads, d[2] / heads])
        } else {
            guard rank(given) == 4 else { throw InputError("[N, T, heads d] or [N, heads, T, d] is needed, not \(type(given))") }
            x = try transpose(given, [0, 2, 1, 3])
        }
        let d = shape(x).dimensions
        let declared = try integer("rotary_embedding_dim", default: 0)
        let turned = declared == 0 ? d[3] : declared
        guard turned > 0, turned <= d[3], turned % 2 == 0 else { throw InputError("its attribute 'rotary_embedding_dim' cannot be \(turned)") }
        func cache(_ index: Int) throws -> ImportedValue {
            var angles = try input(index)
            if let positions = optionalInput(3) { angles = try apply(Gather(axis: 0), angles, positions) }
            guard rank(angles) == 3, shape(angles)[2] == turned / 2 else { throw InputError("its cache \(type(angles)) does not fit") }
            let c = shape(angles).dimensions
            return try reshape(angles, [c[0], c[1], 1, c[2]])
        }
        let (cos, sin) = (try cache(1), try cache(2))
        let isInterleaved = try flag("interleaved", default: false)
        // Pairs are neighbours, or of the two halves.
        func half(_ index: Int) throws -> ImportedValue {
            guard isInterleaved else { return try slice(x, axis: 3, from: index * turned / 2, count: turned / 2) }
            return try apply(
                Slice(starts: [0, 0, 0, index], sizes: [d[0], d[1], d[2], turned / 2], steps: [1, 1, 1, 2]), x)
        }
        let (a, b) = (try half(0), try half(1))
        let real = try subtract(multiply(cos, a), multiply(sin, b))
        let imaginary = try add(multiply(sin, a), multiply(cos, b))
        var parts: [ImportedValue]
        if isInterleaved {
            let pair = Shape([d[0], d[1], d[2], turned / 2, 1])
            parts = [
                try reshape(apply(Concat(axis: 4), reshape(real, pair), reshape(imaginary, pair)), [d[0], d[1], d[2], turned])
            ]
        } else {
            parts = [real, imaginary]
        }
        if turned < d[3] { parts.append(try slice(x, axis: 3, from: turned, count: d[3] - turned)) }
        let result = parts.count == 1 ? parts[0] : try apply(Concat(axis: 3), parts)
        return rank(given) == 3 ? try reshape(result, shape(given)) : try transpose(result, [0, 2, 1, 3])
    }
}
