import Files
import GraphIR
import GraphRuntime
import Tensors

/// A network that photographs go through before the restoration sees them, from a file of its own: DiffBIR's first stage, say, which takes noise and compression away.
///
/// It takes an image [1, 3, H, W] in 0...1, and puts one out of the same size or a whole multiple of it. One that takes a single size works on overlapping tiles. One that takes
/// all sizes sees the photograph whole, with zeros at the right and below where it needs multiples of 64.
public final class Cleaner: Sendable {
    /// A graph with one input and one output, for images of one size.
    public struct Network: Sendable {
        public var graph: Graph
        public var parameters: any ParameterSource

        public init(graph: Graph, parameters: any ParameterSource) { (self.graph, self.parameters) = (graph, parameters) }
    }

    struct Size: Hashable, Sendable {
        var height: Int
        var width: Int

        init(_ height: Int, _ width: Int) { (self.height, self.width) = (height, width) }
    }

    /// The graph's name among a model's.
    static let graphName = "cleaner"

    /// For messages and results.
    public let name: String
    /// What tells it from others.
    public let digest: String
    /// How many times as large the sides of what it puts out are.
    public let scale: Int
    /// The only size that it takes.
    private let onlySize: Size?
    private let network: @Sendable (_ height: Int, _ width: Int) throws -> Network
    /// By the size of what it sees.
    private let networks = Locked<[Size: Network]>([:])
    private static let mostNetworks = 8

    /// - Parameters:
    ///   - size: the only one that it takes; nil where it takes all, or all multiples of 64.
    ///   - network: its graph for images of a size. Asked for again and again.
    /// - Throws: an `InputError` where it is no network of this kind.
    public init(
        name: String, digest: String, size: (height: Int, width: Int)?, network: @escaping @Sendable (_ height: Int, _ width: Int) throws -> Network
    ) throws {
        (self.name, self.digest, self.network) = (name, digest, network)
        onlySize = size.map { Size($0.height, $0.width) }
        let (first, refusal) = (onlySize ?? Size(64, 64), "its input must be an image, float32 [1, 3, height, width], and its output one")
        let graph = try network(first.height, first.width).graph
        guard graph.inputs.count == 1, graph.outputs.count == 1, graph.type(graph.inputs[0]) == Cleaner.type(first) else {
            throw InputError("is no cleaner: \(refusal)", at: name)
        }
        let output = graph.type(graph.outputs[0].value)
        let scale = output.shape.rank == 4 ? output.shape[2] / first.height : 0
        guard (1...16).contains(scale), output == Cleaner.type(Size(first.height * scale, first.width * scale)) else {
            throw InputError("is no cleaner: \(refusal), not \(output)", at: name, advice: "The output may be a whole multiple of the size, up to 16.")
        }
        self.scale = scale
    }

    private static func type(_ size: Size) -> TensorType { TensorType(.float32, [1, 3, size.height, size.width]) }

    /// The tiles that it sees of an image, or the image as the only one, padded to the size of what they cover.
    func tiles(height: Int, width: Int) throws -> TileWindows {
        if let onlySize {
            return TileWindows(
                height: max(height, onlySize.height), width: max(width, onlySize.width), tileHeight: onlySize.height, tileWidth: onlySize.width)
        }
        var size = Size(height, width)
        if (try? known(size)) == nil { size = Size(Padding.paddedLength(height, multiple: 64), Padding.paddedLength(width, multiple: 64)) }
        _ = try known(size)
        return TileWindows(height: size.height, width: size.width, tileHeight: size.height, tileWidth: size.width)
    }

    private func known(_ size: Size) throws -> Network {
        if let known = networks.withLock({ $0[size] }) { return known }
        let made = try network(size.height, size.width)
        networks.withLock { networks in
            if networks.count >= Cleaner.mostNetworks { networks = [:] }
            networks[size] = made
        }
        return made
    }

    /// `image` [1, 3, H, W] to `image`, with parameters whose keys tell them from a model's.
    func graph(height: Int, width: Int) throws -> Graph {
        let network = try known(Size(height, width)).graph
        var b = GraphBuilder(name: Cleaner.graphName)
        let image = b.input("image", Cleaner.type(Size(height, width)))
        let results = try b.inline(
            network, inputs: [network[network.inputs[0]].name: image], parameterPrefix: "\(Cleaner.prefix)\(height)x\(width)/")
        b.output("image", results[network.outputs[0].name]!)
        let output = b.type(b.graph.outputs[0].value)
        guard output == Cleaner.type(Size(height * scale, width * scale)) else { throw InputError("makes \(output) of \(height) x \(width) pixels", at: name) }
        return b.graph
    }

    fileprivate static let prefix = "cleaner/"

    /// The network and the name of one of its parameters, or nil for a key that is not one's.
    fileprivate func parameter(_ key: String) throws -> (source: any ParameterSource, name: String)? {
        guard key.hasPrefix(Cleaner.prefix) else { return nil }
        let parts = key.dropFirst(Cleaner.prefix.count).split(separator: "/", maxSplits: 1)
        let sides = parts.first?.split(separator: "x").compactMap { Int($0) } ?? []
        guard parts.count == 2, sides.count == 2 else { return nil }
        return (try known(Size(sides[0], sides[1])).parameters, String(parts[1]))
    }
}

/// A model's parameters and those of a network in front of it.
struct CleanedParameters: ParameterSource {
    let model: any ParameterSource
    let cleaner: Cleaner

    func parameter(_ key: String) throws -> Tensor {
        guard let (source, name) = try cleaner.parameter(key) else { return try model.parameter(key) }
        return try source.parameter(name)
    }

    func parameterType(_ key: String) throws -> TensorType {
        guard let (source, name) = try cleaner.parameter(key) else { return try model.parameterType(key) }
        return try source.parameterType(name)
    }

    func releasePages(_ key: String) {
        guard let (source, name) = try? cleaner.parameter(key) else { return model.releasePages(key) }
        source.releasePages(name)
    }
}
