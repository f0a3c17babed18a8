import Files
import Foundation
import GraphIR
import GraphRuntime
import Tensors

extension ONNXExport {
    /// What was written.
    public struct Report: Sendable {
        /// The files, the model first.
        public var paths: [String]
        /// Nodes of the written graph; a function counts once for each use.
        public var nodeCount: Int
        /// Bytes of all files.
        public var byteCount: Int
    }

    /// A model holds no more bytes than this, so that readers with 32-bit sizes can take it.
    static let modelLimit = (1 << 31) - (64 << 20)
    /// Where tensors begin in a file of their own: at multiples of so many bytes.
    static let alignment = 64

    /// Writes a graph with its parameters, and has ONNX's own checker look at what was written.
    ///
    /// Parameters that the graph has as f32 are written so, whatever their source stores. They go from their source to the file a few
    /// megabytes at a time. Files appear under their names when they are complete.
    ///
    /// - `path`: the model. Parameters that do not go into it go to `path` with `.data` behind it.
    /// - `progress`: called now and then with the bytes of parameters that are written, and those of all.
    /// - Throws: an `InputError` for a graph that cannot be written, parameters that are missing, and for all that can go wrong with the files.
    @discardableResult
    public static func write(
        _ graph: Graph, parameters source: any ParameterSource, to path: String, options: ONNXExportOptions = ONNXExportOptions(),
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws -> Report {
        let export = try ONNXExport(graph, options)
        let total = export.parameters.reduce(0) { $0 + $1.type.byteCount }
        let isExternal = options.usesExternalData || total > modelLimit
        let stream = ParameterStream(source: source, total: total, progress: progress)
        let model = try AtomicFileWriter(path: path)
        var paths = [path]
        var byteCount = 0
        if isExternal {
            let dataPath = path + ".data"
            let data = try AtomicFileWriter(path: dataPath)
            byteCount = try export.writeData(to: data, location: FilePath.name(of: dataPath), stream)
            byteCount += try export.writeModel(to: model, nil)
            try data.commit()
            paths.append(dataPath)
        } else {
            for parameter in export.parameters { export.message.addInitializer(parameter.name, parameter.type) }
            byteCount = try export.writeModel(to: model, stream)
        }
        try model.commit()
        if let place = model.place, let complaint = ModelMessage.complaint(aboutFile: place) {
            for path in [place] + paths.dropFirst() { unlink(FilePath.system(path)) }
            throw InputError(
                "ONNX's checker refuses what was written: \(complaint)", at: path, advice: "This is a mistake in deblurdiff; nothing was left behind.")
        }
        return Report(paths: paths, nodeCount: export.message.nodeCount, byteCount: byteCount)
    }

    /// Writes the parameters one behind the other and declares them. Returns the size of the file.
    private func writeData(to output: AtomicFileWriter, location: String, _ stream: ParameterStream) throws -> Int {
        try output.requireSpace(parameters.reduce(0) { $0 + $1.type.byteCount + Self.alignment })
        var offset = 0
        for parameter in parameters {
            let padding = (Self.alignment - offset % Self.alignment) % Self.alignment
            try output.write([UInt8](repeating: 0, count: padding))
            offset += padding
            message.addInitializer(parameter.name, parameter.type, location: location, offset: offset)
            try stream.write(parameter.key, as: parameter.type, to: output)
            offset += parameter.type.byteCount
        }
        return offset
    }

    /// Writes the model, with the parameters' bytes if they come from a stream. Returns how many bytes there are.
    private func writeModel(to output: AtomicFileWriter, _ stream: ParameterStream?) throws -> Int {
        guard let head = message.serialized() else {
            throw InputError("the graph is too large for an ONNX file", at: output.path)
        }
        try output.write(head)
        var byteCount = head.count
        for (index, parameter) in parameters.enumerated() {
            let head = message.serializedInitializer(index)
            try output.write(head)
            byteCount += head.count
            guard let stream else { continue }
            try stream.write(parameter.key, as: parameter.type, to: output)
            byteCount += parameter.type.byteCount
        }
        return byteCount
    }
}

/// Sends parameters to a file, converted on the way.
final class ParameterStream {
    let source: any ParameterSource
    let total: Int
    let progress: ((Int, Int) -> Void)?
    private var done = 0

    init(source: any ParameterSource, total: Int, progress: ((Int, Int) -> Void)?) {
        self.source = source
        self.total = total
        self.progress = progress
    }

    func write(_ key: String, as type: TensorType, to output: AtomicFileWriter) throws {
        let tensor = try source.parameter(key)
        guard tensor.type.shape == type.shape, tensor.type.elementType == type.elementType || type.elementType == .float32 else {
            throw InputError("the graph reads '\(key)' as \(type), but it is stored as \(tensor.type)")
        }
        try tensor.withBytes { bytes in
            let stored = tensor.type.elementType
            let pieceCount = 1 << 20  // elements
            let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: stored == type.elementType ? 0 : min(pieceCount, type.elementCount))
            defer { floats.deallocate() }
            for start in stride(from: 0, to: type.elementCount, by: pieceCount) {
                let end = min(start + pieceCount, type.elementCount)
                let piece = UnsafeRawBufferPointer(rebasing: bytes[start * stored.byteSize..<end * stored.byteSize])
                if stored == type.elementType {
                    try output.write(piece)
                } else {
                    let target = UnsafeMutableBufferPointer(rebasing: floats[..<(end - start)])
                    ElementConversion.convertToFloat32(piece, stored, into: target)
                    try output.write(UnsafeRawBufferPointer(target))
                }
                done += (end - start) * type.elementType.byteSize
                progress?(done, total)
            }
        }
        source.releasePages(key)
    }
}
