import Files

extension Photo {
    /// Reads a photograph of any format that there is, told by its bytes.
    ///
    /// It comes upright, and its metadata say so. Grey becomes three equal samples, and is marked by ``isGray``; CMYK becomes sRGB. A profile that
    /// cannot be used is left out.
    ///
    /// - Parameter warn: told, in a sentence, what was left out or looked wrong.
    /// - Throws: `InputError` where the file cannot be read, is no such picture, is damaged or cut short, or is larger than the limits.
    public init(reading path: String, limits: ReadingLimits = ReadingLimits(), warn: (String) -> Void = { _ in }) throws {
        let file = try MappedFile(path: path)
        do {
            self = try file.withBytes { try Photo(bytes: $0, limits: limits, warn: warn) }
        } catch let error as InputError {
            throw error.at(path)
        }
    }

    /// Reads a file that is in memory; see ``init(reading:limits:warn:)``.
    public init(bytes: UnsafeRawBufferPointer, limits: ReadingLimits = ReadingLimits(), warn: (String) -> Void = { _ in }) throws {
        let codec = try ImageFormats.codec(for: bytes)
        let image = try codec.decode(bytes, limits: limits)
        for warning in image.warnings { warn(warning) }
        self.init(image, warn: warn)
    }

    init(_ image: DecodedImage, warn: (String) -> Void) {
        var metadata = image.metadata
        var converter: ColorConverter?
        if let profile = metadata.colorProfile {
            do {
                converter = try ColorConverter(profile: profile.bytes, colors: image.isGray ? .gray : image.colors)
            } catch {
                warn("its colour profile is ignored: \((error as? InputError)?.what ?? "it cannot be used")")
                metadata.colorProfile = nil
            }
        }
        // What is made of ink is sRGB from here on.
        if image.colors == .cmyk { metadata.colorProfile = nil }
        let turn = Turn(image.orientation ?? metadata.exif?.orientation ?? 1, width: image.width, height: image.height)
        if turn.swapsSides, let density = metadata.density { metadata.density = .init(x: density.y, y: density.x, unit: density.unit) }
        metadata.describe(width: turn.width, height: turn.height)

        func assembled<Value: Sample>(_ samples: [Value]) -> (Samples, Samples?) {
            var alpha: [Value]?
            var colors = samples
            if image.colors != .rgb || image.alpha != .none || !turn.isIdentity { (colors, alpha) = image.separated(samples, turn, converter) }
            if alpha?.allSatisfy({ $0 == .max }) == true { alpha = nil }
            return (Value.samples(colors), alpha.map(Value.samples))
        }
        let (samples, alpha) =
            switch image.samples {
            case .eight(let samples): assembled(samples)
            case .sixteen(let samples): assembled(samples)
            }
        let photo = Photo(width: turn.width, height: turn.height, samples: samples, alpha: alpha, isGray: image.isGray, metadata: metadata)
        guard let converter, image.colors != .cmyk, !converter.hasInverse else {
            self = photo
            return
        }
        // There is no way back to a profile that is only good for looking.
        metadata.colorProfile = nil
        self = photo.withMetadata(metadata).restored(photo.planes(by: converter))
    }
}

/// Where the pixels of an upright picture lie in one that is stored otherwise, as EXIF numbers it.
struct Turn {
    let width: Int
    let height: Int
    let isIdentity: Bool
    let swapsSides: Bool
    /// The stored pixel at the top left, and how far it is to the next one to the right, and below.
    let start: Int
    let right: Int
    let down: Int

    init(_ orientation: Int, width w: Int, height h: Int) {
        isIdentity = orientation == 1
        swapsSides = orientation >= 5
        (width, height) = swapsSides ? (h, w) : (w, h)
        switch orientation {
        case 2: (start, right, down) = (w - 1, -1, w)
        case 3: (start, right, down) = (w * h - 1, -1, -w)
        case 4: (start, right, down) = (w * (h - 1), 1, -w)
        case 5: (start, right, down) = (0, w, 1)
        case 6: (start, right, down) = (w * (h - 1), -w, 1)
        case 7: (start, right, down) = (w * h - 1, -w, -1)
        case 8: (start, right, down) = (w - 1, w, -1)
        default: (start, right, down) = (0, 1, w)
        }
    }
}

extension DecodedImage {
    /// Three colours for each pixel of the upright picture, and its opacity by itself.
    fileprivate func separated<Value: Sample>(_ samples: [Value], _ turn: Turn, _ converter: ColorConverter?) -> (colors: [Value], alpha: [Value]?) {
        let channels = colors.rawValue + (alpha == .none ? 0 : 1)
        var opacities: [Value]? = alpha == .none ? nil : [Value](repeating: 0, count: width * height)
        let result = [Value](unsafeUninitializedCapacity: width * height * 3) { target, initialized in
            samples.withUnsafeBufferPointer { source in
                var inks = [Float](repeating: 0, count: colors == .cmyk ? turn.width * 4 : 0)
                for y in 0..<turn.height {
                    let row = y * turn.width
                    for x in 0..<turn.width {
                        let pixel = (turn.start + x * turn.right + y * turn.down) * channels
                        switch colors {
                        case .gray: for c in 0..<3 { target[(row + x) * 3 + c] = source[pixel] }
                        case .rgb: for c in 0..<3 { target[(row + x) * 3 + c] = source[pixel + c] }
                        case .cmyk: for c in 0..<4 { inks[x * 4 + c] = Float(source[pixel + c]) / Float(Value.max) }
                        }
                        guard alpha != .none else { continue }
                        let opacity = source[pixel + channels - 1]
                        opacities![row + x] = opacity
                        guard alpha == .premultiplied, opacity > 0 else { continue }
                        for c in 0..<3 {
                            let value = (Int(target[(row + x) * 3 + c]) * Int(Value.max) + Int(opacity) / 2) / Int(opacity)
                            target[(row + x) * 3 + c] = Value(min(value, Int(Value.max)))
                        }
                    }
                    if colors == .cmyk { ColorConverter.print(inks, converter) { target[row * 3 + $0] = Value(($1 * Float(Value.max)).rounded()) } }
                }
            }
            initialized = width * height * 3
        }
        return (result, opacities)
    }
}
