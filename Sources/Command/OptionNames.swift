/// The fields that the libraries' errors name, as options of the command.
private let options = [
    "anxiety": "--anxiety", "between": "--between", "edges": "--edges", "extent": "--extent", "frames": "--frames", "jpegQuality": "--jpeg",
    "kernelSize": "--kernel-size", "length": "--length", "readNoise": "--read-noise", "regions": "--regions", "response": "--response",
    "shotNoise": "--shot-noise",
    "blend": "--blend", "configuration": "--config", "controlNet": "--controlnet", "elementType": "--dtype", "guidanceScale": "--cfg-scale", "inputs": "--input",
    "lkpn": "--lkpn", "memory": "--memory", "onlyIfBlurred": "--only-if-blurred", "mergesText": "--vocab bpe_simple_vocab_16e6.txt.gz", "output": "--output", "path": "--model MODEL",
    "precision": "--precision", "restorationGuidance": "--g-scale", "restorationGuidance.repetitions": "--g-repeat",
    "restorationGuidance.scale": "--g-scale", "stableDiffusion": "--sd", "steps": "--steps", "strength": "--strength", "tiled": "--tiled",
    "tileSize": "--tile-size", "tileStride": "--tile-stride",
]

/// What an error says, with the command's options in place of the libraries' fields: --tile-size for `tileSize`.
func namingOptions(_ text: String) -> String { text.replacing(#/`([A-Za-z.]+)`/#) { options[String($0.1)] ?? String($0.0) } }
