/// The fields that the libraries' errors name, as options of the command.
private let options = [
    "anxiety": "--anxiety", "between": "--between", "blend": "--blend", "conditionNoise": "--noise-aug", "configuration": "--config",
    "controlNet": "--controlnet",
    "deviceThreads": "--cuda-device", "drawn": "--rng-skip", "edges": "--edges",
    "elementType": "--dtype", "eta": "--eta", "extent": "--extent", "format": "--format", "frames": "--frames", "guidanceScale": "--cfg-scale",
    "inputs": "--input", "jpegQuality": "--jpeg", "kernelSize": "--kernel-size", "length": "--length", "lkpn": "--lkpn", "memory": "--memory",
    "mergesText": "--vocab bpe_simple_vocab_16e6.txt.gz", "onlyIfBlurred": "--only-if-blurred", "output": "--output", "path": "--model MODEL",
    "pixelCount": "--max-pixels", "precision": "--precision", "readNoise": "--read-noise", "regions": "--regions", "response": "--response",
    "restorationGuidance": "--g-scale", "restorationGuidance.loss": "--g-loss", "restorationGuidance.repetitions": "--g-repeat",
    "restorationGuidance.scale": "--g-scale",
    "shotNoise": "--shot-noise", "spacing": "--timesteps", "stableDiffusion": "--sd", "steps": "--steps", "stepSchedule": "--step-schedule",
    "strength": "--strength", "tileSize": "--tile-size",
    "tileStride": "--tile-stride", "tiled": "--tiled", "without": "--without",
]

/// What an error says, with the command's options in place of the libraries' fields: --tile-size for `tileSize`.
func namingOptions(_ text: String) -> String { text.replacing(#/`([A-Za-z.]+)`/#) { options[String($0.1)] ?? String($0.0) } }
