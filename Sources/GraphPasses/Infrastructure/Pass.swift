import GraphIR

/// A step of optimisation: rewrites a graph into another one that computes the same.
///
/// A pass keeps the names and types of inputs and outputs, and has nothing left to do where it has run. What it does, with
/// the text form before and after, stands in the type's doc comment, from which `deblurdiff passes` and `Docs/Passes.md` are
/// made.
public protocol Pass: Sendable {
    /// A verb phrase in snake case, as the command line takes it.
    static var name: String { get }

    /// The passes that must stand earlier in a pipeline that has both.
    static var runsAfter: [any Pass.Type] { get }

    /// Rewrites where it can, each rewrite through ``RewriteRecorder/attempt(_:_:)``. Returns whether anything changed.
    func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool
}

extension Pass {
    public static var runsAfter: [any Pass.Type] { [] }
    public var name: String { Self.name }
}

/// A local rule: looks at one node of one kind, and rewrites it and its neighbours if all guards hold.
public protocol RewriteRule: Sendable {
    associatedtype MatchedOp: Op

    /// Returns whether it changed anything; then the node may be gone.
    func rewrite(_ node: NodeID, op: MatchedOp, editor: inout GraphEditor) throws -> Bool
}

/// A pass that is one local rule.
public protocol RewritePass: Pass, RewriteRule {}

extension RewritePass {
    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        try RuleSet([self]).run(&editor, &recorder)
    }
}

/// A pass that is several local rules, tried on every node until none applies.
public protocol RuleSetPass: Pass {
    var rules: [any RewriteRule] { get }
}

extension RuleSetPass {
    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        try RuleSet(rules).run(&editor, &recorder)
    }
}

/// A pass that looks at the whole graph.
public protocol GraphPass: Pass {}

/// Rules by the kind of op that they match.
struct RuleSet {
    private var rules: [ObjectIdentifier: [any RewriteRule]] = [:]

    init(_ rules: [any RewriteRule]) {
        func kind<R: RewriteRule>(_ rule: R) -> ObjectIdentifier { ObjectIdentifier(R.MatchedOp.self) }
        for rule in rules { self.rules[kind(rule), default: []].append(rule) }
    }

    func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        var changedAny = false
        var changed = true
        while changed {
            changed = false
            for id in editor.graph.order where editor.graph.contains(id) {
                for rule in rules[ObjectIdentifier(type(of: editor.graph[id].op))] ?? [] where editor.graph.contains(id) {
                    if try recorder.attempt(&editor, { try rule.apply(to: id, &$0) }) { changed = true }
                }
            }
            changedAny = changedAny || changed
        }
        return changedAny
    }
}

extension RewriteRule {
    fileprivate func apply(to id: NodeID, _ editor: inout GraphEditor) throws -> Bool {
        try rewrite(id, op: editor.graph[id].op as! MatchedOp, editor: &editor)
    }
}
