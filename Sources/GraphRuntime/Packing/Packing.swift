import CKernels
import Tensors

/// Parameters in a form that a kernel reads: a weight in panels, several biases in one row, 16-bit floats as 32-bit ones.
///
/// It says what there is to do. Nothing is read before a program is packed; see ``ProgramPlan/pack(progress:)``.
public struct Packing: Sendable {
    /// Packings with equal keys hold the same bytes, so that programs share them.
    public let key: String
    public let byteCount: Int
    /// The keys of the parameters that it is made from.
    public let parameters: [String]
    let fill: @Sendable (UnsafeMutableRawPointer, ParameterStore) throws -> Void

    /// - `fill`: writes all `byteCount` bytes, which are zeros and begin at a multiple of 64.
    public init(
        _ key: String, byteCount: Int, of parameters: [String], fill: @escaping @Sendable (UnsafeMutableRawPointer, ParameterStore) throws -> Void
    ) {
        self.key = key
        self.byteCount = byteCount
        self.parameters = parameters
        self.fill = fill
    }

    /// A parameter that is stored as another float type, as float32.
    static func float32(_ key: String, elementCount: Int) -> Packing {
        Packing("float32 \(key)", byteCount: 4 * elementCount, of: [key]) { memory, parameters in
            let tensor = try parameters.stored(key)
            tensor.withBytes {
                dd_convert(parameters.pool.handle, memory, DD_F32, $0.baseAddress, tensor.type.elementType.kernelType, Int64(elementCount))
            }
        }
    }
}
