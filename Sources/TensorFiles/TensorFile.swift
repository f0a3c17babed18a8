import Files
import Tensors

/// Tensors in files, in the formats of NumPy (`.npy`, one array; `.npz`, arrays by name) and in safetensors.
public enum TensorFile {
    public enum Format: String, CaseIterable, Sendable {
        case npy, npz, safetensors

        /// By the ending of the name.
        public init(path: String) throws {
            guard let format = Format.allCases.first(where: { path.lowercased().hasSuffix(".\($0.rawValue)") }) else {
                throw InputError("tensors are read and written as .npy, .npz or .safetensors", at: path)
            }
            self = format
        }
    }

    /// All tensors of a file, in the order of their names; that of a `.npy` file has the name "".
    public static func read(_ path: String) throws -> [(name: String, tensor: Tensor)] {
        let format = try Format(path: path)
        if format == .safetensors {
            let file = try SafetensorsFile(path: path)
            return try file.tensorNames.sorted().map { ($0, try file.tensor($0)) }
        }
        let file = try MappedFile(path: path)
        do {
            return try file.withBytes { try format == .npz ? NumPyArchive.read($0) : [("", NumPyArray.decode($0))] }
        } catch let error as InputError {
            throw error.at(path)
        }
    }

    /// Writes tensors in row-major order, whatever their layout is in memory. The file appears when it is whole.
    public static func write(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
        let tensors = tensors.map { (name: $0.name, tensor: $0.tensor.converted(to: .rowMajor)) }
        switch try Format(path: path) {
        case .safetensors: try writeSafetensors(path: path, tensors: tensors.map { ($0.name, $0.tensor) })
        case .npz: try NumPyArchive.write(tensors, to: path)
        case .npy:
            guard tensors.count == 1, let tensor = tensors.first?.tensor else {
                throw InputError("a .npy file holds one array, not \(tensors.count)", at: path, advice: "Write a .npz or .safetensors file.")
            }
            let output = try AtomicFileWriter(path: path)
            try output.write(NumPyArray.header(tensor.type))
            try tensor.withBytes(output.write)
            try output.commit()
        }
    }
}
