import DeblurDiff
import Files
import Images
import Jobs

/// Pictures that explain a result, for jobs that ask for them: the guidance at some steps, and the blur map.
///
/// They are of a whole run: nothing is kept on the way, and a job that was interrupted begins anew, to the same bits.
enum Explanation {
    static let option = "explain"

    static let description = JobOptions.Description(
        name: option, kind: .flag, default: "false",
        help: "Draw what explains the result: the guidance at four steps, and what the kernels say of the blur. It takes longer and more memory.")

    /// The guidance of a step, decoded.
    private struct Guidance: RestorationView {
        let step: Int
        var name: String { "guidance" }

        func steps(of count: Int) -> [Int] { [step] }
        func picture(_ material: ViewMaterial) throws -> Photo {
            guard let latent = material.guidance[step] else { throw InputError("there is no guidance of step \(step + 1)") }
            return try material.decode(latent)
        }
    }

    /// Takes the option out of others.
    static func take(from options: inout [String: String]) throws -> Bool {
        switch options.removeValue(forKey: option) {
        case nil, "false": false
        case "true": true
        case let value?: throw InputError("'\(option)' must be true or false, not '\(value.printable)'")
        }
    }

    /// Counted from 1: from the first to the last.
    static func steps(of count: Int) -> [Int] { Set((0..<4).map { 1 + $0 * (count - 1) / 3 }).sorted() }

    static func guidanceFile(_ step: Int) -> String { "guidance-\(step).jpg" }
    static let blurMapFile = "blur-map.png"

    /// Has the pictures drawn into a folder.
    static func add(to settings: inout RestorationSettings, in folder: String) {
        settings.overwrites = true
        settings.unfinished = nil
        settings.views = steps(of: settings.restoration.steps).map { (Guidance(step: $0 - 1), FilePath.join(folder, guidanceFile($0))) }
        settings.views += RestorationViews.all.filter { $0.name == "blur-map" }.map { ($0, FilePath.join(folder, blurMapFile)) }
    }
}

extension JobOptions {
    /// - Returns: what options mean, and whether the result is to be explained.
    func parsed(_ options: [String: String], _ model: DeblurDiffModel) throws -> (parsed: Parsed, explains: Bool) {
        var options = options
        let explains = try Explanation.take(from: &options)
        let parsed = try parse(options, model)
        guard !explains || !parsed.settings.restoration.tiled && !parsed.settings.onlyIfBlurred else {
            throw InputError("'\(Explanation.option)' does not go together with 'tiled' and 'only-if-blurred'")
        }
        return (parsed, explains)
    }
}
