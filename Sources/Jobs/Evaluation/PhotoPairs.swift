import Files
import Foundation
import Images

/// A photograph to measure, and the one that it should be.
public struct PhotoPair: Hashable, Sendable {
    /// Below the folder that was given; results of different folders with the same key are of the same photograph.
    public let name: String
    public let key: String
    public var image: String
    public var reference: String?
}

/// Which photographs are measured, and against which.
///
/// Two belong together if their paths below the folders are equal, without the endings of their names and without what only says which of the two it is: folders such as `blur`, `input`,
/// `sharp` or `gt`, and `blur_` or `gt_` in front of a name. So the layouts of GoPro, DVD, RealBlur and REDS need no option. Where no path fits, a name fits that only one reference has
/// (HIDE).
public enum PhotoPairs {
    private static let sharpFolders: Set = ["sharp", "gt", "target", "groundtruth", "ground_truth", "train_sharp", "val_sharp"]
    private static let blurredFolders: Set = ["blur", "blurred", "input", "train_blur", "val_blur"]
    private static let prefixes = ["blur_", "gt_"]

    /// The photographs of a folder, or one, each with its reference if there is one.
    ///
    /// - Parameter reference: a folder or a file. Without it the folders of sharp photographs among the images are taken, as data sets have them.
    /// - Throws: an `InputError` where nothing is there, or no reference fits any photograph.
    public static func find(_ images: String, reference: String?) throws -> [PhotoPair] {
        for path in [images, reference].compactMap({ $0 }) where FileStatus(path) == nil {
            throw InputError("cannot be opened: \(systemErrorMessage())", at: path)
        }
        if let reference, FileStatus(images)?.kind != S_IFDIR, FileStatus(reference)?.kind != S_IFDIR {
            return [PhotoPair(name: FilePath.name(of: images), key: key(FilePath.name(of: images)), image: images, reference: reference)]
        }
        let tree = try files(images)
        let (sharp, others) = (tree.filter { isSharp($0.below) }, tree.filter { !isSharp($0.below) })
        let isDataSet = !sharp.isEmpty && !others.isEmpty
        var references = isDataSet && reference == nil ? sharp : []
        if let reference {
            let all = try files(reference)
            let named = all.filter { isSharp($0.below) }
            references = named.isEmpty ? all : named
        }
        let find = try lookUp(references)
        let pairs = (isDataSet ? others : tree).map {
            PhotoPair(name: $0.below, key: key($0.below), image: $0.path, reference: find(key($0.below)))
        }
        guard references.isEmpty || pairs.contains(where: { $0.reference != nil }) else {
            throw InputError(
                "no photograph there has the name of one in \((reference ?? images).printable)", at: images,
                advice: "Results must have the names of their references; endings may differ.")
        }
        return pairs
    }

    /// What a photograph is called, whatever it is of the two.
    static func key(_ below: String) -> String {
        var parts = below.split(separator: "/").map(String.init)
        var name = parts.removeLast()
        if let codec = ImageFormats.named(name), let ending = codec.nameExtensions.first(where: { name.lowercased().hasSuffix("." + $0) }) {
            name = String(name.dropLast(ending.count + 1))
        }
        if let prefix = prefixes.first(where: name.lowercased().hasPrefix) { name = String(name.dropFirst(prefix.count)) }
        return (parts.filter { !sharpFolders.contains($0.lowercased()) && !blurredFolders.contains($0.lowercased()) } + [name]).joined(separator: "/")
    }

    private static func isSharp(_ below: String) -> Bool { folders(below).contains { sharpFolders.contains($0) } }

    private static func folders(_ below: String) -> [String] { below.split(separator: "/").dropLast().map { $0.lowercased() } }

    /// GoPro has each blurred photograph twice; the one without a camera's response counts where both are.
    private static func files(_ path: String) throws -> [(path: String, below: String)] {
        guard FileStatus(path)?.kind == S_IFDIR else { return [(path, FilePath.name(of: path))] }
        let all = try PhotoList.tree(path)
        return all.contains { folders($0.below).contains("blur") } ? all.filter { !folders($0.below).contains("blur_gamma") } : all
    }

    private static func lookUp(_ references: [(path: String, below: String)]) throws -> (String) -> String? {
        var (byKey, byName): ([String: String], [String: String?]) = ([:], [:])
        for reference in references {
            let key = key(reference.below)
            if let other = byKey.updateValue(reference.path, forKey: key) {
                throw InputError("and \(other.printable) would be the reference of the same photographs", at: reference.path)
            }
            let name = FilePath.name(of: key)
            byName[name] = byName[name] == nil ? .some(reference.path) : .some(nil)
        }
        return { byKey[$0] ?? byName[FilePath.name(of: $0)] ?? nil }
    }
}
