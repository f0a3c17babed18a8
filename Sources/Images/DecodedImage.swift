/// A picture as its file has it, before it is turned upright and its colours are looked at.
public struct DecodedImage {
    /// What the samples of a pixel are, without its opacity; the value is how many.
    enum Colors: Int {
        case gray = 1
        case rgb = 3
        /// Amounts of ink.
        case cmyk = 4
    }

    enum Alpha {
        case none, straight
        /// Colours are already multiplied with it.
        case premultiplied
    }

    var width: Int
    var height: Int
    var colors: Colors
    var alpha = Alpha.none
    /// Row by row; the samples of a pixel side by side, its opacity last.
    var samples: Samples
    /// How it is to be turned, as EXIF numbers it, 1...8. Nil: as the EXIF data say.
    var orientation: Int?
    /// Whether colours are shades of grey, stored as colours or not.
    var isGray = false
    var metadata = PhotoMetadata()
    /// What was left out or looked wrong, in sentences.
    var warnings: [String] = []
}
