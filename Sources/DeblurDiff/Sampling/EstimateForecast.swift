import Tensors

/// Forecasts a step's estimate of the image from those of steps before: a Chebyshev polynomial of the step, fitted by ridge regression, as Spectrum does (arXiv 2603.01623). Each forecast
/// is a sum of earlier estimates with factors that depend on the steps alone.
///
///     f(t) = D + sum over j of c_j (T_j(t) - T_j(last)),  c = argmin sum over k of |f(k) - D_k|^2 + ridge |c|^2
///
/// Unlike Spectrum's, the fit goes through the last estimate `D`: the ridge then pulls towards no change, and not towards zero, which is ten times nearer on denoisers that are known
/// (`Docs/Steps.md`).
struct EstimateForecast {
    var degree = 3
    var ridge = 0.1
    /// So many of the last estimates are fitted.
    static let window = 6

    /// - Parameters:
    ///   - step: to forecast, counted as `known` are.
    ///   - known: steps whose estimates are known, rising; at least one.
    ///   - count: of all steps, at least 2.
    /// - Returns: what each estimate counts; in all 1.
    func weights(at step: Int, known: [Int], of count: Int) -> [Double] {
        func basis(_ step: Int) -> [Double] {
            let place = 2 * Double(step) / Double(count - 1) - 1
            var values = [1, place]
            while values.count <= degree { values.append(2 * place * values[values.count - 1] - values[values.count - 2]) }
            return values
        }
        let origin = basis(known.last!)
        func beyond(_ step: Int) -> [Double] { (1...degree).map { basis(step)[$0] - origin[$0] } }
        let rows = known.map(beyond)
        let squares = (0..<degree).map { i in
            (0..<degree).map { j in rows.reduce(i == j ? ridge : 0) { $0 + $1[i] * $1[j] } }
        }
        let solved = EstimateForecast.solve(squares, beyond(step))
        var weights = rows.map { zip($0, solved).reduce(0) { $0 + $1.0 * $1.1 } }
        weights[weights.count - 1] += 1 - weights.reduce(0, +)
        return weights
    }

    /// By Gauss's elimination with pivots. What cannot be told, as there are too few estimates, stays 0.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
        var rows = zip(matrix, right).map { $0 + [$1] }
        let count = rows.count
        for column in 0..<count {
            let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) }!
            rows.swapAt(column, pivot)
            guard abs(rows[column][column]) > 1e-12 else { continue }
            for row in 0..<count where row != column {
                let factor = rows[row][column] / rows[column][column]
                for place in column...count { rows[row][place] -= factor * rows[column][place] }
            }
        }
        return (0..<count).map { abs(rows[$0][$0]) > 1e-12 ? rows[$0][count] / rows[$0][$0] : 0 }
    }
}

/// What a run with a ``StepSchedule`` remembers of its steps: estimates for forecasts, and latents from which what is kept of the networks can be computed again.
struct StepHistory {
    private let plan: StepPlan
    private var schedule: StepSchedule { plan.schedule }
    /// By steps, from 0.
    private var estimates: [Int: Tensor] = [:]
    private(set) var latents: [Int: Tensor] = [:]

    init(_ plan: StepPlan) { self.plan = plan }

    /// That of a run that was interrupted behind so many steps.
    ///
    /// - Returns: nil for tensors that are not its.
    init?(_ plan: StepPlan, behind count: Int, tensors: [Tensor]) {
        self.plan = plan
        let (estimateSteps, latentSteps) = (plan.schedule.estimateSteps(behind: count), plan.replays(behind: count).keys.sorted())
        guard tensors.count == estimateSteps.count + latentSteps.count else { return nil }
        estimates = Dictionary(uniqueKeysWithValues: zip(estimateSteps, tensors))
        latents = Dictionary(uniqueKeysWithValues: zip(latentSteps, tensors.dropFirst(estimateSteps.count)))
    }

    /// Estimates, then latents, rising.
    var tensors: [Tensor] { [estimates, latents].flatMap { kept in kept.sorted { $0.key < $1.key }.map(\.value) } }

    /// A step was computed.
    mutating func add(_ step: Int, z: Tensor, estimate: Tensor) {
        estimates[step] = estimate
        latents[step] = z
    }

    /// A step is over: what no step behind it needs is forgotten.
    mutating func end(_ step: Int) {
        let (estimateSteps, replays) = (schedule.estimateSteps(behind: step + 1), plan.replays(behind: step + 1))
        estimates = estimates.filter { estimateSteps.contains($0.key) }
        latents = latents.filter { replays[$0.key] != nil }
    }

    func forecast(_ step: Int) -> Tensor {
        let known = estimates.keys.sorted()
        return .sum(zip(EstimateForecast().weights(at: step, known: known, of: schedule.steps), known).map { ($0, estimates[$1]!) })
    }
}
