import Files
import GraphPasses

/// What one pass did to a graph, over all its runs.
public struct PassSummary: Codable, Hashable, Sendable {
    public var name: String
    /// One sentence on what the pass is for.
    public var summary: String
    public var runs: Int
    /// Places that it looked at.
    public var matches: Int
    /// Places that it changed.
    public var rewrites: Int
    /// Nodes less than there were; negative where it added some.
    public var nodesRemoved: Int
    public var seconds: Double

    public init(name: String, summary: String, runs: Int = 1, matches: Int, rewrites: Int, nodesRemoved: Int, seconds: Double) {
        self.name = name
        self.summary = summary
        self.runs = runs
        self.matches = matches
        self.rewrites = rewrites
        self.nodesRemoved = nodesRemoved
        self.seconds = seconds
    }

    public init(_ statistics: PassStatistics) {
        self.init(
            name: statistics.pass, summary: PassRegistry.entries.first { $0.name == statistics.pass }?.summary ?? "", runs: statistics.runs,
            matches: statistics.matches, rewrites: statistics.rewrites, nodesRemoved: statistics.nodesRemoved, seconds: statistics.seconds)
    }
}

/// One change that a pass made: the nodes that it took away or changed, and those that stand in their place.
public struct RewriteRecord: Codable, Hashable, Sendable {
    public var pass: String
    public var before: [GraphDiff.NodeReference]
    public var after: [GraphDiff.NodeReference]

    public init(pass: String, before: [GraphDiff.NodeReference], after: [GraphDiff.NodeReference]) {
        self.pass = pass
        self.before = before
        self.after = after
    }

    public init(_ rewrite: Rewrite) {
        self.init(
            pass: rewrite.pass, before: rewrite.before.map { .init(name: $0.name, op: $0.op) },
            after: rewrite.after.map { .init(name: $0.name, op: $0.op) })
    }
}

extension [PassSummary] {
    /// A table of what the passes did, in order; passes that changed nothing are left out unless asked for.
    public func table(includingIdle: Bool = false) -> String {
        var table = TextTable(
            .left("pass"), .right("runs"), .right("matches"), .right("rewrites"), .right("nodes"), .right("time"))
        func change(_ removed: Int) -> String { removed < 0 ? "+\(-removed)" : removed == 0 ? "0" : "-\(Units.count(removed))" }
        for pass in self where includingIdle || pass.rewrites > 0 {
            table.append(
                pass.name, "\(pass.runs)", Units.count(pass.matches), Units.count(pass.rewrites), change(pass.nodesRemoved),
                Units.seconds(pass.seconds))
        }
        guard !table.isEmpty else { return "" }
        table.appendRule()
        table.append(
            "all passes", "", Units.count(reduce(0) { $0 + $1.matches }), Units.count(reduce(0) { $0 + $1.rewrites }),
            change(reduce(0) { $0 + $1.nodesRemoved }), Units.seconds(reduce(0) { $0 + $1.seconds }))
        return table.text()
    }
}

/// A pass as `passes` lists it.
public struct PassListing: Codable, Hashable, Sendable {
    public var name: String
    public var summary: String
    public var runsAfter: [String]

    public init(name: String, summary: String, runsAfter: [String] = []) {
        self.name = name
        self.summary = summary
        self.runsAfter = runsAfter
    }
}

extension [PassListing] {
    /// Every pass there is.
    public static var all: [PassListing] {
        PassRegistry.entries.map { PassListing(name: $0.name, summary: $0.summary, runsAfter: $0.runsAfter) }
    }

    /// The passes in the order in which they run.
    public var table: String {
        var table = TextTable(.right("#"), .left("pass"), .left("what it does", maximumWidth: 100), .left("runs after"))
        for (index, pass) in enumerated() { table.append("\(index + 1)", pass.name, pass.summary, pass.runsAfter.joined(separator: ", ")) }
        return table.text()
    }
}
