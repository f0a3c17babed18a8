/// What the arenas of a restoration's programs may take, in bytes, where it does not fit into memory otherwise: larger programs run strip by strip, to the same bits.
///
/// What there is beside a program differs from phase to phase: the denoiser's weights are gone when the image is decoded.
public struct ArenaLimits: Hashable, Sendable {
    private var limits: [RestorationProgress.Phase: Int]

    /// - Parameter limits: the others are not limited, but keep less between each other.
    init(_ limits: [RestorationProgress.Phase: Int]) {
        self.limits = limits
        // The denoiser's programs are made together.
        if let least = [limits[.preparing], limits[.sampling]].compactMap(\.self).min() { (self.limits[.preparing], self.limits[.sampling]) = (least, least) }
    }

    /// The same for all.
    public init(_ limit: Int) { self.init(Dictionary(uniqueKeysWithValues: RestorationProgress.Phase.allCases.map { ($0, limit) })) }

    subscript(phase: RestorationProgress.Phase) -> Int { limits[phase] ?? .max }
}
