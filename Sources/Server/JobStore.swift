import Files
import Foundation
import GRDB

/// Jobs in SQLite. A job that was put in is there after whatever ends the process.
struct JobStore: Sendable {
    private let pool: DatabasePool
    /// How often the data were opened: what is numbered by a process is greater than what those before it numbered.
    let generation: Int

    init(path: String) throws {
        var configuration = Configuration()
        // An answer to a client is a promise, which a power cut must not break either.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        configuration.busyMode = .timeout(10)
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            try JobStore.migrator.migrate(pool)
            generation = try pool.write { database in
                try database.execute(sql: "UPDATE process SET generation = generation + 1")
                return try Int.fetchOne(database, sql: "SELECT generation FROM process") ?? 1
            }
        } catch let error as DatabaseError {
            throw InputError("cannot be opened: \(error.message ?? "\(error)")", at: path, advice: "Name another folder with --data, or move the file away.")
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("jobs") { database in
            try database.create(table: "job") { table in
                table.autoIncrementedPrimaryKey("number")
                table.column("id", .text).notNull().unique()
                table.column("client", .text).notNull()
                table.column("idempotencyKey", .text)
                for name in ["request", "inputDigest"] { table.column(name, .text).notNull() }
                for name in ["name", "model", "options", "state"] { table.column(name, .text).notNull() }
                table.column("created", .datetime).notNull()
                for name in ["started", "ended"] { table.column(name, .datetime) }
                table.column("attempts", .integer).notNull()
                for name in ["width", "height", "bytes"] { table.column(name, .integer).notNull() }
                table.column("format", .text).notNull()
                for name in ["blur", "estimatedSeconds", "seconds"] { table.column(name, .double) }
                table.column("nearlySharp", .boolean)
                for name in ["estimatedBytes", "resultBytes"] { table.column(name, .integer) }
                for name in ["warnings", "guidance"] { table.column(name, .text).notNull() }
                for name in ["errorDetail", "errorAdvice", "resultFile", "resultFormat"] { table.column(name, .text) }
                table.uniqueKey(["client", "idempotencyKey"])
            }
            try database.create(index: "jobByState", on: "job", columns: ["state", "ended"])
            try database.execute(sql: "CREATE TABLE process (generation INTEGER NOT NULL); INSERT INTO process VALUES (0)")
        }
        return migrator
    }

    /// Puts a job in; or gives the one that the same client sent with the same key.
    func insert(_ job: JobRecord) throws -> (job: JobRecord, isNew: Bool) {
        try pool.write { database in
            if let key = job.idempotencyKey, let known = try JobStore.job(client: job.client, key: key, database) { return (known, false) }
            var job = job
            try job.insert(database)
            return (job, true)
        }
    }

    private static func job(client: String, key: String, _ database: Database) throws -> JobRecord? {
        try JobRecord.filter(Column("client") == client && Column("idempotencyKey") == key).fetchOne(database)
    }

    func job(_ id: String) throws -> JobRecord? { try pool.read { try JobRecord.filter(Column("id") == id).fetchOne($0) } }

    /// Newest first.
    func jobs(limit: Int, before id: String?, state: JobState?) throws -> [JobRecord] {
        try pool.read { database in
            var request = JobRecord.order(Column("number").desc).limit(limit)
            if let state { request = request.filter(Column("state") == state.rawValue) }
            if let id {
                let number = try Int64.fetchOne(database, sql: "SELECT number FROM job WHERE id = ?", arguments: [id]) ?? 0
                request = request.filter(Column("number") < number)
            }
            return try request.fetchAll(database)
        }
    }

    /// Those that are to be done, those that were begun first.
    func unfinished() throws -> [JobRecord] {
        try pool.read { database in
            try JobRecord.filter([JobState.running, .queued].map(\.rawValue).contains(Column("state")))
                .order(sql: "state = 'queued', number").fetchAll(database)
        }
    }

    /// All that have ended, the oldest end first.
    func ended() throws -> [JobRecord] {
        try pool.read { database in
            try JobRecord.filter([JobState.done, .failed, .cancelled].map(\.rawValue).contains(Column("state"))).order(Column("ended")).fetchAll(database)
        }
    }

    func ids() throws -> Set<String> { try pool.read { try String.fetchSet($0, sql: "SELECT id FROM job") } }

    func counts() throws -> [JobState: Int] {
        try pool.read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT state, count(*) AS count FROM job GROUP BY state")
            return Dictionary(rows.compactMap { row in JobState(rawValue: row["state"]).map { ($0, row["count"]) } }) { first, _ in first }
        }
    }

    /// Changes a job that is in one of some states.
    ///
    /// - Returns: what it is now; nil where it is in none of them any more.
    func update(_ id: String, in states: Set<JobState>, _ change: @Sendable (inout JobRecord) -> Void) throws -> JobRecord? {
        try pool.write { database in
            guard var job = try JobRecord.filter(Column("id") == id).fetchOne(database), states.contains(job.state) else { return nil }
            change(&job)
            try job.update(database)
            return job
        }
    }

    /// Forgets a job that has ended.
    ///
    /// - Returns: whether there was one.
    func remove(_ id: String) throws -> Bool {
        try pool.write { database in
            try database.execute(sql: "DELETE FROM job WHERE id = ? AND state NOT IN ('queued', 'running')", arguments: [id])
            return database.changesCount > 0
        }
    }

    func close() { try? pool.close() }
}
