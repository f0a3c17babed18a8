import Testing

@testable import Server

@Suite struct FairQueueTests {
    private func drained(_ queue: FairQueue) -> [String] {
        var (queue, order) = (queue, [String]())
        while let job = queue.next() { order.append(job) }
        return order
    }

    @Test func clientsTakeTurns() {
        var queue = FairQueue()
        for number in 0..<4 { queue.append("a\(number)", client: "a") }
        for number in 0..<2 { queue.append("b\(number)", client: "b") }
        queue.append("c0", client: "c")
        #expect(drained(queue) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"])
        // One that comes later waits for a turn of each other, and no longer.
        _ = queue.next()
        queue.append("d0", client: "d")
        #expect(drained(queue) == ["b0", "c0", "a1", "d0", "b1", "a2", "a3"])
    }

    @Test func whatWasBegunGoesFirst() {
        var queue = FairQueue()
        queue.append("new", client: "a")
        queue.append("begun", client: "b", wasBegun: true)
        #expect(drained(queue) == ["begun", "new"])
    }

    /// In queues of many kinds, after jobs were taken and removed.
    @Test func positionsAreTheOrder() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var (queue, clients) = (FairQueue(), [String: String]())
            for number in 0..<Int.random(in: 1...30, using: &random) {
                let (job, client) = ("\(number)", "\(Int.random(in: 0..<5, using: &random))")
                queue.append(job, client: client, wasBegun: Int.random(in: 0..<8, using: &random) == 0)
                clients[job] = client
                if Bool.random(using: &random) { _ = queue.next() }
                let other = "\(Int.random(in: 0..<30, using: &random))"
                if let client = clients[other], Int.random(in: 0..<4, using: &random) == 0 { queue.remove(other, client: client) }
            }
            let order = drained(queue)
            #expect(order.count == queue.count)
            for (index, job) in order.enumerated() { #expect(queue.position(job, client: clients[job]!) == index, "\(order)") }
        }
    }
}
