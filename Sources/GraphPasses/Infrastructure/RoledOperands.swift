import GraphIR
import Operators

/// An op whose operands have roles.
protocol RoledOp: Op {
    associatedtype Role: Hashable & CaseIterable
    /// The roles that go without saying.
    static var plainRoles: [[Role]] { get }
    var operands: [Role]? { get set }
    func roles(count: Int) -> [Role]
}

extension Conv2D: RoledOp {
    static var plainRoles: [[Operand]] { [[.input, .weight], [.input, .weight, .bias]] }
}

extension Linear: RoledOp {
    static var plainRoles: [[Operand]] { [[.input, .weight], [.input, .weight, .bias]] }
}

extension GroupStatistics: RoledOp {
    static var plainRoles: [[Conv2D.Operand]] { [[.input, .weight, .bias]] }
}

extension GraphEditor {
    /// Whether more can be folded into a linear layer: the kernels that take more arrange the weights beforehand, so these must
    /// be parameters.
    func canGrow(_ linear: Match<Linear>) -> Bool {
        RoledOperands(linear)[all: .weight].allSatisfy { graph[$0].isParameter }
    }
}

/// The operands of such an op by role, to be changed and put back in one order for all.
struct RoledOperands<MatchedOp: RoledOp> {
    var op: MatchedOp
    private var values: [MatchedOp.Role: [ValueID]] = [:]

    init(_ op: MatchedOp, _ operands: [ValueID]) {
        self.op = op
        for (role, value) in zip(op.roles(count: operands.count), operands) { values[role, default: []].append(value) }
    }

    init(_ match: Match<MatchedOp>) { self.init(match.op, match.operands) }

    /// All operands in a role.
    subscript(all role: MatchedOp.Role) -> [ValueID] {
        get { values[role] ?? [] }
        set { values[role] = newValue.isEmpty ? nil : newValue }
    }

    /// The operand in a role that only one has.
    subscript(role: MatchedOp.Role) -> ValueID? {
        get { values[role]?.first }
        set { values[role] = newValue.map { [$0] } }
    }

    var roles: Set<MatchedOp.Role> { Set(values.keys) }

    /// The op with its roles written down, and the operands to go with it.
    func assembled() -> (op: MatchedOp, operands: [ValueID]) {
        var op = op
        let ordered = MatchedOp.Role.allCases.flatMap { role in self[all: role].map { (role: role, value: $0) } }
        let roles = ordered.map(\.role)
        op.operands = MatchedOp.plainRoles.contains(roles) ? nil : roles
        return (op, ordered.map(\.value))
    }
}

extension GraphEditor {
    /// Replaces a node by one with these operands; see ``GraphIR/GraphEditor/replace(_:with:_:absorbing:from:)``.
    mutating func replace<T>(_ id: NodeID, with operands: RoledOperands<T>, absorbing absorbed: [NodeID] = [], from: NodeID? = nil) throws {
        let (op, values) = operands.assembled()
        try replace(id, with: op, values, absorbing: absorbed, from: from)
    }
}
