import Files
import Foundation
import Tensors

/// The small model that comes with the program, for commands that were given none.
public enum ShippedModel {
    public static let name = "small.ddiff.safetensors"

    /// Where it may lie, most wanted first: beside the program, where `make install` puts it, and in the source trees that the program was built in. All follow
    /// from the program's own place, so that a tree or an installation can be moved.
    ///
    /// - Parameter program: the program's path, with links resolved.
    public static func places(program: String) -> [String] {
        let folder = FilePath.folder(of: program)
        var places = [FilePath.join(folder, name), FilePath.join(FilePath.folder(of: folder), "share/deblurdiff/\(name)")]
        var above = folder
        while !above.isEmpty, above != "/" {
            above = FilePath.folder(of: above)
            if isFile(FilePath.join(above, "Package.swift")) { places.append(FilePath.join(above, "Models/\(name)")) }
        }
        return places
    }

    /// The first of the places that has it.
    public static func path(program: String) throws -> String {
        let places = places(program: program)
        if let found = places.first(where: isFile) { return found }
        throw InputError(
            "no model was named, and none comes with this program: there is no " + places.joined(separator: ", no "),
            advice: "Name one with `path`. 'deblurdiff convert' makes it of a checkpoint.")
    }

    /// That of the program that is running.
    public static func path() throws -> String {
        // Not by the name that it was called by, which may be a link elsewhere.
        try path(program: FilePath.linkTarget("/proc/self/exe") ?? "")
    }

    private static func isFile(_ path: String) -> Bool { FileStatus(path).map { $0.kind != S_IFDIR } ?? false }
}
