import Files
import Operators
import Tensors

extension ImportRule {
    static let spatialRearrangement: [ImportRule] = [
        .one("DepthToSpace") { node in
            let x = try node.input(0)
            let (d, block) = try node.blocks(x)
            guard d[1] % (block * block) == 0 else { throw InputError("\(d[1]) channels do not make blocks of \(block)") }
            let channels = d[1] / (block * block)
            switch try node.string("mode", default: "DCR") {
            case "DCR":
                let parts = try node.reshape(x, [d[0], block, block, channels, d[2], d[3]])
                return try node.reshape(node.transpose(parts, [0, 3, 4, 1, 5, 2]), [d[0], channels, d[2] * block, d[3] * block])
            case "CRD":
                let parts = try node.reshape(x, [d[0], channels, block, block, d[2], d[3]])
                return try node.reshape(node.transpose(parts, [0, 1, 4, 2, 5, 3]), [d[0], channels, d[2] * block, d[3] * block])
            default: throw InputError("its attribute 'mode' must be DCR or CRD")
            }
        },
        .one("SpaceToDepth") { node in
            let x = try node.input(0)
            let (d, block) = try node.blocks(x)
            guard d[2] % block == 0, d[3] % block == 0 else { throw InputError("\(node.type(x)) does not divide into blocks of \(block)") }
            let parts = try node.reshape(x, [d[0], d[1], d[2] / block, block, d[3] / block, block])
            let order = try node.string("mode", default: "DCR") == "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]
            return try node.reshape(node.transpose(parts, order), [d[0], d[1] * block * block, d[2] / block, d[3] / block])
        },
    ]
}

extension NodeImport {
    fileprivate func blocks(_ x: ImportedValue) throws -> (dimensions: [Int], block: Int) {
        let block = try requiredInteger("blocksize")
        guard rank(x) == 4 else { throw InputError("an image is needed, not \(type(x))") }
        guard block > 0, block <= 1 << 15 else { throw InputError("its attribute 'blocksize' cannot be \(block)") }
        return (shape(x).dimensions, block)
    }
}
