import DeblurDiff
import Images

/// A photograph to restore.
public struct PhotoJob: Sendable {
    /// The path of the photograph, or what people call it.
    public var input: String
    /// Where it comes from, if not from a file of that path.
    public var stream: StreamedFile?
    /// Where the result goes.
    public var output: String
    /// What the result is written as.
    public var format: any WritableImageCodec
    /// Which one of several results of the photograph it is: how many come before it in the stream of random numbers.
    public var sample: Int

    /// The path that it is read from.
    public var file: String { stream?.path ?? input }

    public init(input: String, output: String, format: any WritableImageCodec, stream: StreamedFile? = nil, sample: Int = 0) {
        self.input = input
        self.stream = stream
        self.output = output
        self.format = format
        self.sample = sample
    }
}

/// What became of a photograph: a line of a manifest, as JSON.
public struct PhotoReport: Codable, Hashable, Sendable {
    public enum State: String, Codable, Sendable {
        case done
        /// The result was there already, made from the same photograph with the same model and options.
        case skipped
        /// It is nearly sharp, and the result is the photograph as it was.
        case copied
        case failed
    }

    public var input: String
    public var output: String
    public var state: State
    /// Upright, in pixels; nil where the photograph could not be read.
    public var width: Int?
    public var height: Int?
    /// The extent of its blur in pixels, estimated; nil where that could not be told.
    public var blur: Double?
    public var seconds: Double?
    public var seed: UInt64
    /// Which one of several samples; nil for the first.
    public var sample: Int?
    /// The model's file, and its digest.
    public var model: String
    public var modelDigest: String
    public var error: String?
}

/// What is told while photographs are restored.
public enum PhotoEvent: Sendable {
    /// Something of it is lost or looks wrong.
    case warning(PhotoJob, String)
    /// It was read, and this is what it will take. Told for the first photograph of a size.
    case planned(PhotoJob, RestorationCost, width: Int, height: Int)
    /// It goes on where an earlier run was interrupted.
    case resumed(PhotoJob, step: Int, of: Int)
    case progress(PhotoJob, RestorationProgress)
    /// A picture of what it would be now was written.
    case preview(PhotoJob, path: String, step: Int)
    /// Its last event. An error is what a report says in words.
    case ended(PhotoJob, PhotoReport, (any Error)?)
}
