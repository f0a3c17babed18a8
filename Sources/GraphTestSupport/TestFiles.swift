import Foundation

/// Where a file of the repository is, for tests: `Tests/Fixtures/tiny.yaml`.
public func repositoryFile(_ path: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent(path).path
}

/// A new empty folder. The caller removes it; see ``withScratchFolder(_:)``.
public func makeScratchFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("deblurdiff-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.path
}

/// Calls `body` with the path of an empty folder that is removed afterwards.
public func withScratchFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try makeScratchFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

public func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

public func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

public func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

public func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
