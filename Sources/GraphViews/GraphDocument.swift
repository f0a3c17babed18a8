import Files
import GraphIR
import GraphRuntime
import Tensors

/// A graph with all that is known of its nodes, for other programs to read. `Docs/GraphDocument.md` describes the JSON.
public struct GraphDocument: Codable, Hashable, Sendable {
    public static let currentSchema = "deblurdiff.graph/1"

    public struct ValueType: Codable, Hashable, Sendable {
        /// `f32`, `bf16`, ...
        public var element: String
        public var shape: [Int]
        /// `row_major` or `channels_last`.
        public var layout: String

        init(_ type: TensorType) {
            element = type.elementType.rawValue
            shape = type.shape.dimensions
            layout = type.layout.rawValue
        }
    }

    public struct TypedName: Codable, Hashable, Sendable {
        public var name: String
        public var type: ValueType
    }

    /// A value by its name, or a parameter by its checkpoint key.
    public struct Operand: Codable, Hashable, Sendable {
        public var value: String?
        public var parameter: String?
    }

    public struct Output: Codable, Hashable, Sendable {
        public var name: String
        public var source: Operand
    }

    public struct Node: Codable, Hashable, Sendable {
        /// The name of the first result, which is unique.
        public var name: String
        public var op: String
        public var family: OpFamily
        public var attributes: JSONValue
        public var operands: [Operand]
        public var results: [TypedName]
        /// Names of the imported nodes whose work this one does; empty for an imported node.
        public var origins: [String]
        /// Nothing runs: the results are part of an operand's memory.
        public var isView: Bool
        public var cost: NodeCost
        /// Place in the schedule, kernel variant and scratch memory; absent where nothing is lowered or the node is a view.
        public var step: Int?
        public var kernel: String?
        public var scratchBytes: Int?
        /// Mean time of a call, and the number of calls; absent where nothing was measured.
        public var seconds: Double?
        public var calls: Int?
    }

    public var schema = GraphDocument.currentSchema
    public var name: String
    /// `imported`, `optimized`, `scheduled`, or the pass after which this is.
    public var stage: String
    public var inputs: [TypedName]
    public var parameters: [TypedName]
    public var nodes: [Node]
    public var outputs: [Output]

    public init(_ graph: Graph, stage: String, schedule: Schedule? = nil, profile: ProfileReport? = nil, program programName: String? = nil) {
        name = graph.name
        self.stage = stage
        func typed(_ id: ValueID) -> TypedName { TypedName(name: graph[id].name, type: ValueType(graph.type(id))) }
        func operand(_ id: ValueID) -> Operand {
            graph[id].isParameter ? Operand(value: nil, parameter: graph[id].name) : Operand(value: graph[id].name, parameter: nil)
        }
        let steps = Dictionary(
            (schedule?.steps ?? []).enumerated().map { ($0.element.node, ($0.offset, $0.element)) }, uniquingKeysWith: { first, _ in first })
        let measured = profile?.nodesByName(program: programName ?? graph.name) ?? [:]
        inputs = graph.inputs.map(typed)
        parameters = graph.parameters.map(typed)
        outputs = graph.outputs.map { Output(name: $0.name, source: operand($0.value)) }
        nodes = graph.order.map { id in
            let node = graph[id]
            let name = graph.name(of: id)
            let step = steps[name]
            let line = measured[name]
            return Node(
                name: name, op: node.op.name, family: type(of: node.op).family, attributes: JSONValue(node.op.attributes),
                operands: node.operands.map(operand), results: node.results.map(typed), origins: node.origins,
                isView: NodeCost.isView(graph, id), cost: NodeCost(graph, id), step: step?.0, kernel: step?.1.kernel ?? line?.kernel,
                scratchBytes: step?.1.scratchBytes, seconds: line?.meanSeconds, calls: line?.calls)
        }
    }

    public init(_ plan: ProgramPlan, stage: String = "scheduled", profile: ProfileReport? = nil, programName: String? = nil) {
        self.init(plan.graph, stage: stage, schedule: Schedule(plan), profile: profile, program: programName)
    }

    public func json(pretty: Bool = true) -> String { encodeJSON(self, pretty: pretty) + "\n" }
}

extension GraphDocument {
    /// Names with more dots than this are not from any network; their further parts make no scopes of their own.
    private static let deepestScope = 24

    /// The scopes that each node's name says it is in: `unet`, `output_blocks`, `3`, `0` for `unet.output_blocks.3.0.conv2d`.
    ///
    /// A pass that makes `a.silu.statistics` out of `a.silu` has added to a value's name; that makes no scope.
    public var scopes: [[String]] {
        var values = Set(inputs.map(\.name))
        for node in nodes {
            values.formUnion(node.results.map(\.name))
            values.formUnion(node.origins)
        }
        return nodes.map { node in
            var parts = node.name.split(separator: ".", omittingEmptySubsequences: false).dropLast().prefix(Self.deepestScope)
            while !parts.isEmpty, values.contains(parts.joined(separator: ".")) { parts.removeLast() }
            return parts.map(String.init)
        }
    }
}

extension GraphDocument.ValueType {
    /// `1×320×64×64`, with the element type in front where it is not float32.
    var short: String {
        let sizes = shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "×")
        return element == "f32" ? sizes : "\(element) \(sizes)"
    }
}
