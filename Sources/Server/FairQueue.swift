/// Jobs that wait. Clients take turns, so that one with a hundred jobs does not hold up one with a single one; jobs of a client keep their order.
struct FairQueue {
    /// Jobs that an earlier process had begun. They go first.
    private var begun: [String] = []
    /// Whose turn it is, first.
    private var clients: [String] = []
    private var lines: [String: [String]] = [:]

    private(set) var count = 0

    mutating func append(_ job: String, client: String, wasBegun: Bool = false) {
        count += 1
        if wasBegun { return begun.append(job) }
        if lines[client] == nil { clients.append(client) }
        lines[client, default: []].append(job)
    }

    mutating func next() -> String? {
        guard count > 0 else { return nil }
        count -= 1
        if !begun.isEmpty { return begun.removeFirst() }
        let client = clients.removeFirst()
        let job = lines[client]!.removeFirst()
        if lines[client]!.isEmpty { lines[client] = nil } else { clients.append(client) }
        return job
    }

    /// - Returns: whether it was there.
    @discardableResult mutating func remove(_ job: String, client: String) -> Bool {
        if let index = begun.firstIndex(of: job) {
            begun.remove(at: index)
        } else if let index = lines[client]?.firstIndex(of: job) {
            lines[client]!.remove(at: index)
            if lines[client]!.isEmpty {
                lines[client] = nil
                clients.removeAll { $0 == client }
            }
        } else {
            return false
        }
        count -= 1
        return true
    }

    /// How many jobs go before one; nil where it does not wait.
    func position(_ job: String, client: String) -> Int? {
        if let index = begun.firstIndex(of: job) { return index }
        guard let place = lines[client]?.firstIndex(of: job), let turn = clients.firstIndex(of: client) else { return nil }
        return clients.enumerated().reduce(begun.count + place) { sum, other in
            other.element == client ? sum : sum + min(lines[other.element]!.count, place + (other.offset < turn ? 1 : 0))
        }
    }
}
