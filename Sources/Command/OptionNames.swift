/// The fields that the libraries' errors name, as options of the command.
private let options = [
    "configuration": "--config", "controlNet": "--controlnet", "elementType": "--dtype", "eta": "--eta", "format": "--format", "guidanceScale": "--cfg-scale",
    "inputs": "--input",
    "lkpn": "--lkpn", "memory": "--memory", "mergesText": "--vocab bpe_simple_vocab_16e6.txt.gz", "output": "--output", "path": "--model MODEL",
    "pixelCount": "--max-pixels", "precision": "--precision", "restorationGuidance": "--g-scale", "restorationGuidance.repetitions": "--g-repeat",
    "restorationGuidance.scale": "--g-scale", "spacing": "--timesteps", "stableDiffusion": "--sd", "steps": "--steps", "strength": "--strength", "tiled": "--tiled",
    "tileSize": "--tile-size", "tileStride": "--tile-stride",
]

/// What an error says, with the command's options in place of the libraries' fields: --tile-size for `tileSize`.
func namingOptions(_ text: String) -> String { text.replacing(#/`([A-Za-z.]+)`/#) { options[String($0.1)] ?? String($0.0) } }
