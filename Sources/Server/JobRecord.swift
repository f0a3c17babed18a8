import Foundation
import GRDB

enum JobState: String, Codable, Sendable, CaseIterable {
    case queued, running, done, failed, cancelled

    var hasEnded: Bool { self != .queued && self != .running }
}

/// A job as the database has it.
struct JobRecord: Codable, Sendable, FetchableRecord, MutablePersistableRecord {
    static let databaseTableName = "job"

    /// In the order in which jobs came.
    var number: Int64?
    /// Random, since who knows it may see the job.
    var id: String
    /// Who it came from, for fairness.
    var client: String
    var idempotencyKey: String?
    /// Of what the idempotency key stands for.
    var request: String
    /// SHA-256 of the photograph's file.
    var inputDigest: String
    /// For people.
    var name: String
    var model: String
    /// JSON.
    var options: String
    var state: JobState
    var created: Date
    var started: Date?
    var ended: Date?
    /// How often it was begun.
    var attempts = 0
    var width: Int
    var height: Int
    var format: String
    var bytes: Int
    var blur: Double?
    var nearlySharp: Bool?
    var estimatedSeconds: Double?
    var estimatedBytes: Int?
    var seconds: Double?
    /// JSON.
    var warnings = "[]"
    /// JSON: steps whose guidance was drawn.
    var guidance = "[]"
    var errorDetail: String?
    var errorAdvice: String?
    /// The file's name in the job's folder.
    var resultFile: String?
    var resultFormat: String?
    var resultBytes: Int?

    mutating func didInsert(_ inserted: InsertionSuccess) { number = inserted.rowID }

    var optionValues: [String: String] { (try? JSONDecoder().decode([String: String].self, from: Data(options.utf8))) ?? [:] }
    var guidanceSteps: [Int] { (try? JSONDecoder().decode([Int].self, from: Data(guidance.utf8))) ?? [] }
    var warningTexts: [String] { (try? JSONDecoder().decode([String].self, from: Data(warnings.utf8))) ?? [] }
}
