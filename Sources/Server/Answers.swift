import Files
import Foundation

/// The bodies of answers, as they are in JSON.

struct JobDocument: Encodable, Sendable {
    struct Input: Encodable, Sendable {
        var width: Int
        var height: Int
        var format: String
        var bytes: Int
    }

    struct Result: Encodable, Sendable {
        var width: Int
        var height: Int
        var format: String
        var bytes: Int
        var name: String
    }

    struct Failure: Encodable, Sendable {
        var detail: String
        var advice: String?
    }

    struct Estimate: Encodable, Sendable {
        var seconds: Double
        var peakBytes: Int
    }

    var id: String
    var state: JobState
    var name: String
    var model: String
    var created: String
    var started: String?
    var ended: String?
    var position: Int?
    var input: Input
    var blur: Double?
    var nearlySharp: Bool?
    var options: [String: String]
    var estimate: Estimate?
    var progress: ProgressAnswer?
    var seconds: Double?
    var warnings: [String]
    var error: Failure?
    var result: Result?
    var guidance: [Int]?
    var links: [String: String]
}

struct ProgressAnswer: Encodable, Sendable, Hashable {
    var phase: String
    var step: Int
    var of: Int
    var fraction: Double
    var secondsPerStep: Double?
    var secondsLeft: Double?
}

struct PreviewAnswer: Encodable, Sendable {
    var step: Int
    var of: Int
    var type = "image/jpeg"
    /// Base64.
    var data: String
}

struct JobsAnswer: Encodable, Sendable {
    var jobs: [JobDocument]
    var next: String?

    enum CodingKeys: CodingKey { case jobs, next }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(jobs, forKey: .jobs)
        try container.encode(next, forKey: .next)
    }
}

struct EstimateAnswer: Encodable, Sendable {
    var seconds: Double
    var peakBytes: Int
    var fits: Bool
    var advice: String?
}

struct ModelAnswer: Encodable, Sendable {
    var id: String
    var file: String
    var digest: String
    var `default`: Bool
    var bytes: Int
    var latentFactor: Int
    var steps: Int
}

struct ModelsAnswer: Encodable, Sendable { var models: [ModelAnswer] }

struct CapabilitiesAnswer: Encodable, Sendable {
    struct Limits: Encodable, Sendable {
        var bytes: Int
        var pixels: Int
        var queue: Int
    }

    var program: String
    var reads: [String]
    var writes: [String]
    var limits: Limits
    var options: [JobOptions.Description]
    var presets: [JobOptions.Preset]
}

extension Date {
    /// ISO 8601, UTC.
    var answer: String { formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}
