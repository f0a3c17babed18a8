import Tensors

/// The names that a pickle may ask for. Python would import them and call what they name; here each stands for a way to make data.
///
/// Everything that is not in ``init(module:name:)`` is refused by its name. So is a name that is only harmless as long as nobody calls it, when a
/// pickle calls it: ``Unpickler`` has a rule for each case.
enum PickleGlobal: Hashable {
    case rebuildTensor
    case rebuildTensorV2
    case rebuildTensorV3
    case rebuildParameter
    case rebuildFromType
    /// OrderedDict, defaultdict, Counter, dict.
    case dictionary
    case list
    /// torch.Size, a tuple.
    case size
    /// A class of typed storages, by the type of their elements.
    case storageClass(ElementType)
    case untypedStorageClass
    case elementType(ElementType)
    case unsupportedElementType
    /// Makes a value that no tensor needs from data alone.
    case opaqueValue
    /// A class that is only mentioned, as a key or an argument. Calling it is refused.
    case inertClass(String)

    init?(module: String, name: String) {
        switch module {
        case "torch._utils":
            switch name {
            case "_rebuild_tensor": self = .rebuildTensor
            case "_rebuild_tensor_v2": self = .rebuildTensorV2
            case "_rebuild_tensor_v3": self = .rebuildTensorV3
            case "_rebuild_parameter", "_rebuild_parameter_with_state": self = .rebuildParameter
            default: return nil
            }
        case "torch._tensor" where name == "_rebuild_from_type_v2": self = .rebuildFromType
        case "torch", "torch.storage", "torch.cuda":
            if let elementType = PickleGlobal.storageClasses[name] {
                self = .storageClass(elementType)
            } else if name == "UntypedStorage" {
                self = .untypedStorageClass
            } else if module == "torch" {
                guard let global = PickleGlobal(torchName: name) else { return nil }
                self = global
            } else {
                return nil
            }
        case "torch.nn.parameter" where name == "Parameter" || name == "Buffer": self = .inertClass("\(module).\(name)")
        case "torch.serialization" where name == "_get_layout": self = .opaqueValue
        case "collections":
            guard ["OrderedDict", "defaultdict", "Counter"].contains(name) else { return nil }
            self = .dictionary
        case "builtins", "__builtin__":
            switch name {
            case "dict": self = .dictionary
            case "list": self = .list
            case "set", "frozenset", "complex", "bytearray", "int", "float", "bool", "str", "bytes", "tuple", "slice", "range":
                self = .opaqueValue
            default: return nil
            }
        // Numbers and arrays of numpy, as training leaves them in a checkpoint.
        case "numpy.core.multiarray", "numpy._core.multiarray":
            guard name == "scalar" || name == "_reconstruct" else { return nil }
            self = .opaqueValue
        case "numpy":
            guard name == "dtype" || name == "ndarray" || PickleGlobal.numpyScalars.contains(name) else { return nil }
            self = .opaqueValue
        case "numpy.dtypes" where name.hasSuffix("DType"): self = .opaqueValue
        // How protocol 2 writes bytes.
        case "_codecs" where name == "encode": self = .opaqueValue
        // Stable Diffusion's checkpoints have this class as a key beside their state dict.
        case "pytorch_lightning.callbacks.model_checkpoint" where name == "ModelCheckpoint": self = .inertClass("\(module).\(name)")
        default: return nil
        }
    }

    private init?(torchName name: String) {
        if let elementType = PickleGlobal.elementTypes[name] {
            self = .elementType(elementType)
        } else {
            switch name {
            case "Size": self = .size
            case "device", "strided": self = .opaqueValue
            case "Tensor": self = .inertClass("torch.Tensor")
            // Element types that are not supported: a tensor of one counts as something that is no tensor.
            case "uint16", "uint32", "uint64", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2": self = .unsupportedElementType
            case "ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "QUInt8Storage", "QInt32Storage": self = .unsupportedElementType
            default: return nil
            }
        }
    }

    private static let storageClasses: [String: ElementType] = [
        "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "DoubleStorage": .float64, "LongStorage": .int64,
        "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    ]

    private static let elementTypes: [String: ElementType] = [
        "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float64": .float64, "int64": .int64, "int32": .int32,
        "int16": .int16, "int8": .int8, "uint8": .uint8, "bool": .bool,
    ]

    private static let numpyScalars: Set<String> = [
        "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool_",
    ]
}
