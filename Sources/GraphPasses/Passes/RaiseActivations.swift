import GraphIR
import Operators

/// Raises SiLU from a product with a sigmoid, and GELU from one with the error function.
///
///     %s = unary(%x) {function = sigmoid}
///     %y = multiply(%x, %s)
/// becomes
///     %y = silu(%x)
///
/// and
///
///     %d = binary(%x, %root2) {function = divide}
///     %e = unary(%d) {function = erf}
///     %a = add(%e, %one)
///     %p = multiply(%x, %a)
///     %y = scale(%p) {factor = 0.5}
/// becomes
///     %y = gelu(%x)
///
/// in whatever order the factors stand.
public struct RaiseActivations: RuleSetPass {
    public static let name = "raise_activations"
    /// Numbers are factors of a `scale` by then.
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    public init() {}

    public var rules: [any RewriteRule] { [RaiseSiLU(), RaiseGELU<Multiply>(), RaiseGELU<Scale>()] }

    private struct RaiseSiLU: RewriteRule {
        func rewrite(_ node: NodeID, op: Multiply, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            for (x, other) in [(operands[0], operands[1]), (operands[1], operands[0])] {
                guard let sigmoid = editor.match(Unary.self, making: other), sigmoid.op.function == .sigmoid, sigmoid.operands[0] == x,
                    editor.type(x).elementType == .float32
                else { continue }
                try editor.replace(node, with: SiLU(), [x], absorbing: [sigmoid.node])
                return true
            }
            return false
        }
    }

    /// `x (1 + erf(x / sqrt 2)) / 2`, by the product that stands last.
    private struct RaiseGELU<MatchedOp: Op>: RewriteRule {
        func rewrite(_ node: NodeID, op: MatchedOp, editor: inout GraphEditor) throws -> Bool {
            var product = Product()
            product.add(node, editor)
            guard product.terms.count == 2 else { return false }
            for (x, sum) in [(product.terms[0], product.terms[1]), (product.terms[1], product.terms[0])] {
                guard let add = editor.matchOnlyUsed(Add.self, making: sum), let (multiple, one) = editor.operandAndSplat(add.node),
                    case let error = editor.unscaled(multiple), let erf = editor.match(Unary.self, making: error.value), erf.op.function == .erf,
                    let argument = factor(of: erf.operands[0], over: x, editor), isNear(argument.factor, 0.5.squareRoot()),
                    isNear(error.factor * product.factor, 0.5), isNear(one * product.factor, 0.5),
                    editor.type(x) == editor.type(editor.graph[node].results[0]), editor.type(x).elementType == .float32
                else { continue }
                let absorbed = product.nodes + [add.node] + error.nodes + [erf.node] + argument.nodes
                try editor.replace(node, with: GELU(), [x], absorbing: absorbed.filter { $0 != node })
                return true
            }
            return false
        }

        /// By what a value is a multiple of another one.
        private func factor(of value: ValueID, over x: ValueID, _ editor: GraphEditor) -> (factor: Double, nodes: [NodeID])? {
            var (factor, nodes, value) = (1.0, [NodeID](), value)
            while value != x {
                guard let node = editor.graph.producer(of: value), let share = editor.scaleFactor(node) else { return nil }
                factor *= share
                nodes.append(node)
                value = editor.graph[node].operands[0]
            }
            return (factor, nodes)
        }

        /// Constants are float32 in files.
        private func isNear(_ a: Double, _ b: Double) -> Bool { (a - b).magnitude < 1e-6 * b }
    }

    /// The factors of a product of products that nothing else reads.
    private struct Product {
        var factor = 1.0
        var terms: [ValueID] = []
        var nodes: [NodeID] = []

        /// No product of interest has more factors than this.
        private static let limit = 4

        mutating func add(_ node: NodeID, _ editor: GraphEditor) {
            nodes.append(node)
            if let factor = editor.scaleFactor(node) {
                self.factor *= factor
                add(editor.graph[node].operands[0], editor)
            } else if editor.graph[node].op is Multiply {
                for operand in editor.graph[node].operands { add(operand, editor) }
            } else {
                terms.append(editor.graph[node].results[0])
            }
        }

        private mutating func add(_ value: ValueID, _ editor: GraphEditor) {
            guard nodes.count < Self.limit, let node = editor.graph.producer(of: value), editor.onlyUser(of: value) != nil,
                editor.graph[node].op is Multiply || editor.scaleFactor(node) != nil
            else { return terms.append(value) }
            add(node, editor)
        }
    }
}
