import Files
import Operators
import Tensors

extension ImportRule {
    static let products: [ImportRule] = [
        .one("MatMul") { node in
            let (a, b) = (try node.input(0), try node.input(1))
            node.nameWeight(b, "weight")
            return try node.matrixProduct(a, b)
        },
        .one("Gemm") { try $0.gemm() },
    ]
}

extension NodeImport {
    /// numpy's matmul, also of vectors. A constant matrix on the right becomes the weight of a linear layer.
    func matrixProduct(_ a: ImportedValue, _ b: ImportedValue) throws -> ImportedValue {
        guard rank(a) >= 1, rank(b) >= 1 else { throw InputError("a product needs vectors or matrices, not \(type(a)) and \(type(b))") }
        guard elementType(a) == elementType(b) else { throw InputError("the element types of \(type(a)) and \(type(b)) differ") }
        if elementType(a) == .int32 {
            return try withMatrices(a, b) { try apply(MatMulInteger(), $0, $1) }
        }
        if isConstant(b), rank(b) == 2, !isConstant(a) { return try linear(a, transposedWeight(b), bias: nil) }
        return try withMatrices(a, b) { a, b in try inFloat32([a, b]) { try apply(MatMul(), $0) } }
    }

    func isConstant(_ value: ImportedValue) -> Bool { if case .constant = value { true } else { false } }

    /// A constant matrix the other way round, under the name that it has.
    private func transposedWeight(_ b: ImportedValue) throws -> ImportedValue {
        let weight = try transpose(b, [1, 0])
        if case .constant(let old) = b, case .constant(let new) = weight, importer.constantName(new) == nil, let name = importer.constantName(old) {
            importer.nameConstant(new, name)
        }
        return weight
    }

    /// Makes matrices of vectors, and vectors of the result again.
    private func withMatrices(
        _ a: ImportedValue, _ b: ImportedValue, _ product: (ImportedValue, ImportedValue) throws -> ImportedValue
    ) throws -> ImportedValue {
        let matrixA = rank(a) == 1 ? try reshape(a, [1, shape(a)[0]]) : a
        let matrixB = rank(b) == 1 ? try reshape(b, [shape(b)[0], 1]) : b
        let result = try product(matrixA, matrixB)
        var dimensions = shape(result).dimensions
        if rank(b) == 1 { dimensions.removeLast() }
        if rank(a) == 1 { dimensions.remove(at: dimensions.count - (rank(b) == 1 ? 1 : 2)) }
        return try reshape(result, Shape(dimensions))
    }

    /// `x W^T + b`, with a weight [N, K].
    func linear(_ x: ImportedValue, _ w: ImportedValue, bias: ImportedValue?) throws -> ImportedValue {
        let weights = [try weight(w)] + (try bias.map { [try weight($0)] } ?? [])
        return try inFloat32([x]) { try apply(Linear(), $0[0], weights: weights) }
    }

    fileprivate func gemm() throws -> ImportedValue {
        let (alpha, beta) = (try float("alpha", default: 1), try float("beta", default: 1))
        var (a, b) = (try input(0), try input(1))
        guard rank(a) == 2, rank(b) == 2 else { throw InputError("matrices are needed, not \(type(a)) and \(type(b))") }
        if try flag("transA", default: false) { a = try transpose(a, [1, 0]) }
        let isTransposed = try flag("transB", default: false)
        let c = beta == 0 ? nil : optionalInput(2)
        let columns = shape(b)[isTransposed ? 0 : 1]
        nameWeight(b, "weight")
        if elementType(a).isFloatingPoint, isConstant(b), !isConstant(a), alpha == 1 {
            let weight = try isTransposed ? b : transposedWeight(b)
            if beta == 1, let c, isConstant(c), let bias = try bias(c, columns: columns) {
                nameWeight(c, "bias")
                return try linear(a, weight, bias: bias)
            }
            return try plus(linear(a, weight, bias: nil), c, beta)
        }
        if isTransposed { b = try transpose(b, [1, 0]) }
        var product = try matrixProduct(a, b)
        if alpha != 1 { product = try multiply(product, scalar(Double(alpha), like: product)) }
        return try plus(product, c, beta)
    }

    /// A bias of one number a column, or nil if it is something else.
    private func bias(_ c: ImportedValue, columns: Int) throws -> ImportedValue? {
        let dimensions = shape(c).dimensions
        guard dimensions.last == columns, dimensions.dropLast().allSatisfy({ $0 == 1 }) else { return nil }
        return try reshape(c, [columns])
    }

    private func plus(_ product: ImportedValue, _ c: ImportedValue?, _ beta: Float) throws -> ImportedValue {
        guard let c else { return product }
        return try add(product, beta == 1 ? c : multiply(c, scalar(Double(beta), like: c)))
    }
}
