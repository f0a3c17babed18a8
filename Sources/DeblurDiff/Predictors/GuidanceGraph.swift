import GraphIR
import GraphPasses
import Operators
import Tensors

/// The graph of restoration guidance in RGB: the gradient of an image's distance to the photograph with respect to its latent.
enum GuidanceGraph {
    static let name = "guidance"

    /// `latent` [1, z, h, w], `target` [1, 3, H, W], `weight` [1, 1, H, W] and `distance.gradient`, a factor, to `latent.gradient`: of the factor times
    /// the mean of `weight (image - target)^2`.
    ///
    /// - Parameter decoder: of that size.
    static func graph(decoder: Graph) throws -> Graph {
        var b = GraphBuilder(name: name)
        let (latent, type) = (decoder.input("latent")!, decoder.type(decoder.output("image")!))
        let inputs = ["latent": b.input("latent", decoder.type(latent))]
        let target = b.input("target", type)
        let weight = b.input("weight", TensorType(.float32, [1, 1, type.shape[2], type.shape[3]]))
        let difference = try b.apply(Binary(.subtract), b.inline(decoder, inputs: inputs)["image"]!, target)
        let squares = try b.apply(Multiply(), b.apply(Multiply(), difference, difference), weight)
        b.output("distance", try b.apply(Reduce(.mean, axes: [0, 1, 2, 3], keepsDimensions: false), squares))
        return try Gradient.graph(of: b.graph, withRespectTo: "latent")
    }
}
