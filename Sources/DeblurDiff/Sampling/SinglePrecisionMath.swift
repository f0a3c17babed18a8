/// Logarithm, sine and cosine in float32, by the polynomials of Cephes (Moshier, 1992).
///
/// PyTorch uses these, eight at a time with fused multiply-adds, for normal random numbers on every processor with AVX2. The
/// same operations in the same order give the same bits, which no system's `log` and `sin` would; and they give them on
/// every machine.
enum SinglePrecisionMath {
    /// The natural logarithm of a normal positive number. (Zero, infinities and NaN do not occur here.)
    static func log(_ value: Float) -> Float {
        // value = x 2^exponent with x in [sqrt(1/2), sqrt(2)), then shifted to lie around 0.
        var exponent = Float(Int(value.bitPattern >> 23) - 126)
        var x = Float(bitPattern: value.bitPattern & 0x807f_ffff | 0x3f00_0000)
        if x < 0.707106781186547524 {
            exponent -= 1
            x = x - 1 + x
        } else {
            x -= 1
        }
        let square = x * x
        var y = polynomial(
            x, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
            2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
        y = y * x
        // ln 2 in two parts, so that the product with the first is exact.
        y = (exponent * -2.12194440e-4).addingProduct(y, square)
        y = y.addingProduct(-0.5, square)
        return (x + y).addingProduct(exponent, 0.693359375)
    }

    /// Sine and cosine of an angle in [0, 8192) radians.
    static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
        // The octant, made even, so that x lies within pi/4 of a multiple of pi/2; that is taken off in three parts.
        let octant = (Int32(angle * 1.27323954473516) + 1) & ~1
        let y = Float(octant)
        var x = angle
        x = x.addingProduct(y, -0.78515625)
        x = x.addingProduct(y, -2.4187564849853515625e-4)
        x = x.addingProduct(y, -3.77489497744594108e-8)
        let square = x * x
        var cosine = polynomial(square, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2) * square
        cosine = (square * -0.5).addingProduct(cosine, square) + 1
        let sine = x.addingProduct(polynomial(square, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1) * square, x)
        switch octant & 6 {
        case 0: return (sine, cosine)
        case 2: return (cosine, -sine)
        case 4: return (-sine, -cosine)
        default: return (-cosine, sine)
        }
    }

    /// By Horner's rule, highest power first.
    @inline(__always)
    private static func polynomial(_ x: Float, _ first: Float, _ others: Float...) -> Float {
        others.reduce(first) { $1.addingProduct($0, x) }
    }
}
