/// What one pass did to a graph.
public struct PassReport: Codable, Hashable, Sendable {
    public var name: String
    /// One sentence on what the pass is for.
    public var summary: String
    /// Places where the pattern was found.
    public var matches: Int
    /// Places that were changed.
    public var rewrites: Int
    public var nodesBefore: Int
    public var nodesAfter: Int
    public var seconds: Double

    public init(name: String, summary: String, matches: Int, rewrites: Int, nodesBefore: Int, nodesAfter: Int, seconds: Double) {
        self.name = name
        self.summary = summary
        self.matches = matches
        self.rewrites = rewrites
        self.nodesBefore = nodesBefore
        self.nodesAfter = nodesAfter
        self.seconds = seconds
    }
}

/// One change that a pass made: the lines of the nodes that it took away and of those that it put in their place, in text form.
public struct RewriteRecord: Codable, Hashable, Sendable {
    public var pass: String
    public var before: [String]
    public var after: [String]

    public init(pass: String, before: [String], after: [String]) {
        self.pass = pass
        self.before = before
        self.after = after
    }
}

extension [PassReport] {
    /// A table of what the passes did, in order; passes that changed nothing are left out unless asked for.
    public func table(includingIdle: Bool = false) -> String {
        var table = TextTable(.left("pass"), .right("matches"), .right("rewrites"), .right("nodes"), .right("change"), .right("time"))
        for pass in self where includingIdle || pass.rewrites > 0 || pass.nodesAfter != pass.nodesBefore {
            let change = pass.nodesAfter - pass.nodesBefore
            table.append(
                pass.name, Units.count(pass.matches), Units.count(pass.rewrites), Units.count(pass.nodesAfter),
                change > 0 ? "+\(change)" : "\(change)", Units.seconds(pass.seconds))
        }
        guard !table.isEmpty else { return "" }
        table.appendRule()
        table.append(
            "all passes", "", Units.count(reduce(0) { $0 + $1.rewrites }), Units.count(last!.nodesAfter),
            "\(last!.nodesAfter - first!.nodesBefore)", Units.seconds(reduce(0) { $0 + $1.seconds }))
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
    /// The passes in the order in which they run.
    public var table: String {
        var table = TextTable(.right("#"), .left("pass"), .left("what it does", maximumWidth: 100), .left("runs after"))
        for (index, pass) in enumerated() { table.append("\(index + 1)", pass.name, pass.summary, pass.runsAfter.joined(separator: ", ")) }
        return table.text()
    }
}
