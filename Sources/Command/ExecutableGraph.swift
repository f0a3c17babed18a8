import DeblurDiff
import Files
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import ONNX
import Operators
import TensorFiles
import Tensors

/// One graph of a model file or an ONNX model, for inputs of certain types, with its parameters.
struct ExecutableGraph {
    var graph: Graph
    var parameters: ParameterStore

    init(path: String, graph name: String?, size: ImageSize, given: GivenTensors, options: RuntimeOptions, optimization: OptimizationOptions) throws {
        let shapes = given.shapes.merging(given.tensors.mapValues(\.shape)) { $1 }
        guard try MappedFile(path: path).withBytes(SafetensorsFile.looksLike) else {
            if name != nil { throw InputError("--graph is for converted models; an ONNX model has one graph", at: path) }
            let imported = try ONNXModel.load(path).importGraph(inputs: shapes, bindings: given.tensors)
            graph = imported.graph
            parameters = ParameterStore(source: imported.parameters, pool: options.pool)
            return
        }
        let file = try ModelFile(path: path)
        let model = try file.kind.open(file, options, optimization)
        let name = try model.chosenGraph(name)
        parameters = model.parameters
        graph = try model.stages(of: name, height: size.height, width: size.width).imported
        var types: [String: TensorType] = [:]
        for id in graph.inputs {
            guard let shape = shapes[graph[id].name] else { continue }
            var type = graph.type(id)
            if shape.rank != type.shape.rank { type.layout = .rowMajor }
            type.shape = shape
            types[graph[id].name] = type
        }
        if types.contains(where: { graph.type(graph.input($0.key)!) != $0.value }) { graph = try graph.specialized(types) }
    }
}

/// A tensor for each input of a graph.
enum GraphInputs {
    /// Throws for names that are no inputs, and for inputs that are not given where no random seed fills them.
    static func check(_ graph: Graph, given: GivenTensors, randomSeed: UInt64?) throws {
        let names = Set(graph.inputs.map { graph[$0].name })
        for name in given.tensors.keys.sorted() + given.shapes.keys.sorted() where !names.contains(name) {
            throw InputError("the graph '\(graph.name)' has no input '\(name)'", advice: "Its inputs: " + list(graph, graph.inputs))
        }
        let missing = graph.inputs.filter { given.tensors[graph[$0].name] == nil }
        guard missing.isEmpty || randomSeed != nil else {
            throw InputError("these inputs are not given: " + list(graph, missing), advice: "Give NAME=FILE for each, or --random-seed to make them up.")
        }
    }

    /// - Parameter randomSeed: fills inputs that are not given; without, they are an error.
    static func bind(_ graph: Graph, given: GivenTensors, randomSeed: UInt64?) throws -> [String: Tensor] {
        try check(graph, given: given, randomSeed: randomSeed)
        var random = TorchGenerator(seed: randomSeed ?? 0)
        var result: [String: Tensor] = [:]
        for id in graph.inputs {
            let (name, type) = (graph[id].name, graph.type(id))
            if let tensor = given.tensors[name] {
                do { result[name] = try converted(tensor, to: type) } catch let error as InputError { throw error.at(name) }
            } else {
                let isFloat = type.elementType.isFloatingPoint
                var tensor = Tensor(isFloat ? TensorType(.float32, type.shape) : type)
                if isFloat { tensor.withMutableFloats { random.fillNormal($0) } }
                result[name] = try converted(tensor, to: type)
            }
        }
        return result
    }

    /// NumPy makes float64 and int64 where nobody asks for another type. Integers must fit.
    private static func converted(_ tensor: Tensor, to type: TensorType) throws -> Tensor {
        let (from, to) = (tensor.type.elementType, type.elementType)
        guard tensor.shape == type.shape, from.isFloatingPoint == to.isFloatingPoint else {
            throw InputError("is \(tensor.type) where the graph takes \(type)")
        }
        guard from != to else { return tensor.converted(to: type.layout) }
        let result = try OpEvaluator.evaluate(Cast(to: to), [tensor])[0].converted(to: type.layout)
        if !to.isFloatingPoint, try TensorComparison(result, expected: tensor).largestError > 0 {
            throw InputError("holds numbers that are not of type \(to.rawValue)")
        }
        return result
    }

    private static func list(_ graph: Graph, _ ids: [ValueID]) -> String {
        ids.map { "\(graph[$0].name) : \(graph.type($0))" }.joined(separator: ", ")
    }
}
