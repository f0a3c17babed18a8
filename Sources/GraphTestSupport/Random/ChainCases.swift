import GraphIR
import Operators
import Tensors

/// Conv -> ReLU -> an op -> perhaps another Conv, for every op along every axis: the neighbourhoods in which layouts are chosen.
public enum ChainCases {
    public static let shapes: [Shape] = [[1, 16, 8, 12], [2, 16, 6, 8], [1, 1, 8, 12], [1, 16, 1, 1]]

    public struct Case: Sendable {
        public var name: String
        public var graph: Graph
    }

    public static func all(_ shape: Shape) throws -> [Case] {
        let type = TensorType(.float32, shape)
        var cases: [Case] = []
        for use in OpUse.all(of: type) {
            for isFollowed in [false, true] {
                var builder = GraphBuilder(name: "chain")
                let x = builder.input("x", type)
                let weight = builder.parameter("first.weight", TensorType(.float32, [shape[1], shape[1], 3, 3]))
                let bias = builder.parameter("first.bias", TensorType(.float32, [shape[1]]))
                let first = try builder.apply(Conv2D(padding: [1, 1, 1, 1]), x, weight, bias)
                let subject = try builder.apply(Unary(.relu), first)
                var count = 0
                let results = try use.apply(to: subject, in: &builder, parameterName: "op") { type, builder in
                    count += 1
                    return builder.input("v\(count)", type)
                }.results
                let image = builder.type(results[0])
                if isFollowed {
                    guard image.shape.rank == 4, image.elementType == .float32 else { continue }
                    let last = builder.parameter("last.weight", TensorType(.float32, [5, image.shape[1], 3, 3]))
                    builder.output("y", try builder.apply(Conv2D(padding: [1, 1, 1, 1]), results[0], last))
                } else {
                    for (index, result) in results.enumerated() { builder.output("y\(index)", result) }
                }
                let attributes = use.op.attributes
                cases.append(Case(name: "\(shape) \(use.op.name) \(attributes)\(isFollowed ? " conv" : "")", graph: builder.graph))
            }
        }
        return cases
    }
}
