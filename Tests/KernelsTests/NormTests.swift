import CKernels
import Foundation
import Testing

/// Group norm of [batch, channels, pixels] in float64.
private func groupNorm(
    _ x: [Double], _ batch: Int, _ channels: Int, _ pixels: Int, _ groups: Int, _ epsilon: Double, _ scale: [Float]?,
    _ bias: [Float]?, silu: Bool
) -> [Double] {
    var y = x
    let n = channels / groups * pixels
    for g in 0..<batch * groups where !x.isEmpty {
        let range = g * n..<(g + 1) * n
        let mean = x[range].reduce(0, +) / Double(n)
        let variance = x[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
        let rstd = 1 / (variance + epsilon).squareRoot()
        for i in range {
            let c = i / pixels % channels
            let v = (x[i] - mean) * rstd * Double(scale?[c] ?? 1) + Double(bias?[c] ?? 0)
            y[i] = silu ? v / (1 + exp(-v)) : v
        }
    }
    return y
}

/// The gradient of that with respect to x, from the gradient g behind it.
private func groupNormGradient(
    _ x: [Double], _ g: [Double], _ batch: Int, _ channels: Int, _ pixels: Int, _ groups: Int, _ epsilon: Double, _ scale: [Float], _ bias: [Float], silu: Bool
) -> [Double] {
    var y = x
    let n = channels / groups * pixels
    for group in 0..<batch * groups where !x.isEmpty {
        let range = group * n..<(group + 1) * n
        let mean = x[range].reduce(0, +) / Double(n)
        let rstd = 1 / (x[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n) + epsilon).squareRoot()
        let norm = x[range].map { ($0 - mean) * rstd }
        let h = range.map { i -> Double in
            let c = i / pixels % channels
            let z = norm[i - range.lowerBound] * Double(scale[c]) + Double(bias[c])
            let s = 1 / (1 + exp(-z))
            return g[i] * Double(scale[c]) * (silu ? s * (1 + z * (1 - s)) : 1)
        }
        let (first, second) = (h.reduce(0, +) / Double(n), zip(h, norm).reduce(0) { $0 + $1.0 * $1.1 } / Double(n))
        for i in range { y[i] = rstd * (h[i - range.lowerBound] - first - norm[i - range.lowerBound] * second) }
    }
    return y
}

/// How much a mean far from zero, in units of the deviation, lets rounding through: y = x * scale + shift subtracts two
/// numbers of that size.
private func tolerance(
    _ x: [Double], _ batch: Int, _ channels: Int, _ pixels: Int, _ groups: Int, _ epsilon: Double, gain: Double = 2
) -> Double {
    var worst = 0.0
    let n = channels / groups * pixels
    for g in 0..<batch * groups where !x.isEmpty {
        let values = x[g * n..<(g + 1) * n]
        let mean = values.reduce(0, +) / Double(n)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
        worst = max(worst, abs(mean) / (variance + epsilon).squareRoot())
    }
    return 2e-6 + worst * 2.4e-7 * gain
}

private func transposed<T>(_ x: [T], _ batch: Int, _ rows: Int, _ columns: Int) -> [T] {
    (0..<batch * rows * columns).map { i in
        let (b, j, r) = (i / (rows * columns), i / rows % columns, i % rows)
        return x[(b * rows + r) * columns + j]
    }
}

@Suite struct NormTests {
    private typealias Sizes = (batch: Int, channels: Int, pixels: Int, groups: Int)

    @Test(arguments: [
        (1, 1, 1, 1), (2, 32, 1, 32), (1, 64, 5, 32), (2, 6, 35, 3), (1, 8, 4096, 2), (1, 4, 5003, 1), (3, 10, 17, 5),
        (0, 4, 4, 2),
        (1, 4, 0, 2),
    ])
    func groupNormNCHW(_ sizes: (Int, Int, Int, Int)) {
        let (batch, channels, pixels, groups) = sizes
        var numbers = SeededNumbers(31)
        let x = numbers.floats(batch * channels * pixels, -3...5)
        let scale = numbers.floats(channels, 0.5...2)
        let bias = numbers.floats(channels)
        KernelHarness.forEachISA { _ in
            let absolute = tolerance(x.map(Double.init), batch, channels, pixels, groups, 1e-5)
            for silu in [false, true] {
                let expected = groupNorm(
                    x.map(Double.init), batch, channels, pixels, groups, 1e-5, scale, bias, silu: silu)
                func run(_ pool: OpaquePointer?, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
                    dd_group_norm_nchw_f32(
                        pool, y, x, scale, bias, Int64(batch), Int64(channels), Int64(pixels), Int64(groups), 1e-5,
                        silu ? 1 : 0)
                }
                let y = KernelHarness.output(x.count) { run($0, $1, x) }
                KernelHarness.expectClose(y, expected, absolute: absolute, relative: 1e-6)
                KernelHarness.expectSame(KernelHarness.output(x.count, initial: x) { run($0, $1, $1) }, y)
            }
            let y = KernelHarness.output(x.count) {
                dd_group_norm_nchw_f32(
                    $0, $1, x, nil, nil, Int64(batch), Int64(channels), Int64(pixels), Int64(groups), 1e-5, 0)
            }
            let expected = groupNorm(x.map(Double.init), batch, channels, pixels, groups, 1e-5, nil, nil, silu: false)
            KernelHarness.expectClose(y, expected, absolute: absolute, relative: 1e-6)
        }
    }

    /// A mean a thousand times the deviation costs no more digits than the input has lost already.
    @Test func statisticsSurviveALargeMean() {
        var numbers = SeededNumbers(32)
        let (channels, pixels) = (4, 9000)
        let x = numbers.floats(channels * pixels).map { 1000 + $0 }
        let expected = groupNorm(x.map(Double.init), 1, channels, pixels, 2, 0, nil, nil, silu: false)
        let channelsLast = transposed(x, 1, channels, pixels)
        let rows = groupNorm(x.map(Double.init), 1, 4, pixels, 4, 0, nil, nil, silu: false)
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(x.count) {
                dd_group_norm_nchw_f32($0, $1, x, nil, nil, 1, Int64(channels), Int64(pixels), 2, 0, 0)
            }
            KernelHarness.expectClose(y, expected, absolute: 4.5e-4)
            let last = KernelHarness.output(x.count) { pool, y in
                groupNormNHWC(pool, y, channelsLast, nil, nil, 1, channels, pixels, 2, 0, silu: false)
            }
            KernelHarness.expectClose(last, transposed(expected, 1, channels, pixels), absolute: 4.5e-4)
            let normed = KernelHarness.output(x.count) { dd_layer_norm_f32($0, $1, x, nil, nil, 4, Int64(pixels), 0) }
            KernelHarness.expectClose(normed, rows, absolute: 1.1e-4)
        }
    }

    private func groupNormNHWC(
        _ pool: OpaquePointer?, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ scale: [Float]?, _ bias: [Float]?, _ batch: Int,
        _ channels: Int, _ pixels: Int, _ groups: Int, _ epsilon: Float, silu: Bool
    ) {
        var scratch = [Double](repeating: 0, count: Int(dd_group_norm_nhwc_scratch(Int64(batch), Int64(channels), Int64(pixels))) / 8 + 1)
        dd_group_norm_nhwc_f32(
            pool, y, x, scale, bias, Int64(batch), Int64(channels), Int64(pixels), Int64(groups), epsilon, silu ? 1 : 0, &scratch)
    }

    @Test(arguments: [(1, 1, 1, 1), (2, 32, 1, 32), (2, 6, 35, 3), (1, 80, 300, 8), (1, 640, 70, 32), (1, 17, 2049, 17), (0, 4, 4, 2)])
    func groupNormOfChannelsLast(_ batch: Int, _ channels: Int, _ pixels: Int, _ groups: Int) {
        var numbers = SeededNumbers(33)
        let (scale, bias) = (numbers.floats(channels, 0.5...2), numbers.floats(channels))
        let rows = numbers.floats(batch * pixels * channels, -1...4)
        let x = transposed(rows.map(Double.init), batch, pixels, channels)
        KernelHarness.forEachISA { _ in
            for silu in [false, true] {
                let expected = groupNorm(x, batch, channels, pixels, groups, 1e-6, scale, bias, silu: silu)
                func run(_ pool: OpaquePointer?, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
                    groupNormNHWC(pool, y, x, scale, bias, batch, channels, pixels, groups, 1e-6, silu: silu)
                }
                let y = KernelHarness.output(rows.count) { run($0, $1, rows) }
                KernelHarness.expectClose(
                    y, transposed(expected, batch, channels, pixels), absolute: tolerance(x, batch, channels, pixels, groups, 1e-6),
                    relative: 2e-6)
                KernelHarness.expectSame(KernelHarness.output(rows.count, initial: rows) { run($0, $1, $1) }, y)
            }
        }
    }

    @Test(arguments: [(1, 1, 1, 1), (2, 32, 1, 32), (2, 6, 35, 3), (1, 80, 300, 8), (1, 640, 70, 32), (1, 17, 2049, 17), (0, 4, 4, 2)])
    func gradientOfChannelsLast(_ batch: Int, _ channels: Int, _ pixels: Int, _ groups: Int) {
        var numbers = SeededNumbers(34)
        let (scale, bias) = (numbers.floats(channels, 0.5...2), numbers.floats(channels))
        let (rows, behind) = (numbers.floats(batch * pixels * channels, -1...4), numbers.floats(batch * pixels * channels))
        let (x, g) = (transposed(rows.map(Double.init), batch, pixels, channels), transposed(behind.map(Double.init), batch, pixels, channels))
        KernelHarness.forEachISA { _ in
            for silu in [false, true] {
                let expected = groupNormGradient(x, g, batch, channels, pixels, groups, 1e-2, scale, bias, silu: silu)
                func run(_ pool: OpaquePointer?, _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>) {
                    let bytes = dd_group_norm_gradient_nhwc_scratch(Int64(batch), Int64(channels), Int64(pixels))
                    var scratch = [Double](repeating: 0, count: Int(bytes) / 8 + 1)
                    dd_group_norm_gradient_nhwc_f32(
                        pool, y, x, scale, bias, g, Int64(batch), Int64(channels), Int64(pixels), Int64(groups), 1e-2, silu ? 1 : 0, &scratch)
                }
                let y = KernelHarness.output(rows.count) { run($0, $1, rows, behind) }
                KernelHarness.expectClose(y, transposed(expected, batch, channels, pixels), absolute: 1e-5, relative: 2e-6)
                KernelHarness.expectSame(KernelHarness.output(rows.count, initial: rows) { run($0, $1, $1, behind) }, y)
                KernelHarness.expectSame(KernelHarness.output(rows.count, initial: behind) { run($0, $1, rows, $1) }, y)
            }
        }
    }

    /// Scales and shifts of one or two sources, with and without addends; groups may straddle the two.
    @Test(arguments: [
        (1, [1], 1, 1), (2, [32], 1, 32), (1, [64], 5, 32), (2, [6], 35, 3), (1, [80], 300, 8), (1, [40, 24], 130, 4),
        (2, [10, 20], 65, 2), (1, [300, 340], 70, 32), (1, [64, 64], 4100, 32), (1, [17], 2049, 17), (0, [4], 4, 2),
    ])
    func statisticsOfSources(_ sizes: (Int, [Int], Int, Int)) {
        let (batch, parts, pixels, groups) = sizes
        let channels = parts.reduce(0, +)
        var numbers = SeededNumbers(33)
        let (scale, bias) = (numbers.floats(channels, 0.5...2), numbers.floats(channels))
        KernelHarness.forEachISA { _ in
            for addends in [false, true] {
                var sources: [([Float], [Float]?, Int)] = []
                for c in parts {
                    let n = batch * pixels * c
                    sources.append((numbers.floats(n, -1...4), addends ? numbers.floats(n) : nil, c))
                }
                let rows = concatenated(sources, rows: batch * pixels)
                let x = transposed(rows.map(Double.init), batch, pixels, channels)
                let absolute = tolerance(x, batch, channels, pixels, groups, 1e-6)
                let found = KernelHarness.output(2 * batch * channels) { pool, y in
                    withSources(sources) { described in
                        var scratch = [Double](
                            repeating: 0, count: Int(dd_group_statistics_nhwc_scratch(Int64(batch), Int64(channels), Int64(pixels))) / 8)
                        dd_group_statistics_nhwc_f32(
                            pool, y, y + batch * channels, described, Int32(parts.count), scale, bias, Int64(batch), Int64(pixels), Int64(groups),
                            1e-6, &scratch)
                    }
                }
                let y = rows.indices.map { i -> Float in
                    let at = i / channels / pixels * channels + i % channels
                    return rows[i] * found[at] + found[batch * channels + at]
                }
                let expected = groupNorm(x, batch, channels, pixels, groups, 1e-6, scale, bias, silu: false)
                KernelHarness.expectClose(y, transposed(expected, batch, channels, pixels), absolute: absolute, relative: 2e-6)
            }
        }
    }

    /// Moments that others have taken stand for a source, also where a group straddles it and one that is read, and where means are
    /// large.
    @Test(arguments: [0, 1, 2, 3], [Float(0), 300])
    func momentsStandForASource(_ given: Int, _ offset: Float) {
        let (batch, pixels, parts, groups) = (2, 90, [5, 7], 4)
        let channels = parts.reduce(0, +)
        var numbers = SeededNumbers(35)
        let (scale, bias) = (numbers.floats(channels), numbers.floats(channels))
        let sources = parts.map { ($0, numbers.floats(batch * pixels * $0, -2...3).map { $0 + offset }) }
        let moments = sources.map { count, x in
            (0..<batch * count).flatMap { i -> [Float] in
                let values = (0..<pixels).map { Double(x[(i / count * pixels + $0) * count + i % count]) }
                let mean = values.reduce(0, +) / Double(pixels)
                return [Float(mean), Float(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels))]
            }
        }
        let results = [0, given].map { given in
            KernelHarness.output(2 * batch * channels) { pool, y in
                withSources(sources.map { ($0.1, nil, $0.0) }) { described in
                    moments[0].withUnsafeBufferPointer { first in
                        moments[1].withUnsafeBufferPointer { second in
                            var described = [described[0], described[1]]
                            for (index, taken) in [first, second].enumerated() where given >> index & 1 == 1 {
                                described[index].moments = taken.baseAddress
                                described[index].x = nil
                            }
                            var scratch = [Double](
                                repeating: 0, count: Int(dd_group_statistics_nhwc_scratch(Int64(batch), Int64(channels), Int64(pixels))) / 8)
                            dd_group_statistics_nhwc_f32(
                                pool, y, y + batch * channels, described, 2, scale, bias, Int64(batch), Int64(pixels), Int64(groups), 1e-5,
                                &scratch)
                        }
                    }
                }
            }
        }
        // A mean of 300 is given to 2e-5 and stands for as much of the shift.
        KernelHarness.expectClose(results[1], results[0].map(Double.init), absolute: offset == 0 ? 1e-6 : 1e-4, relative: 2e-6)
    }

    @Test(arguments: [(1, 1), (3, 15), (5, 16), (7, 100), (40, 320), (3, 1024), (33, 1280), (2, 10_001), (0, 4)])
    func layerNorm(_ rows: Int, _ n: Int) {
        var numbers = SeededNumbers(36)
        let x = numbers.floats(rows * n, -2...7)
        let scale = numbers.floats(n, 0.5...2)
        let bias = numbers.floats(n)
        var expected = groupNorm(x.map(Double.init), 1, max(rows, 1), n, max(rows, 1), 1e-5, nil, nil, silu: false)
        if rows == 0 { expected = [] }
        KernelHarness.forEachISA { _ in
            for (s, b) in [(scale, bias), (scale, nil), (nil, bias), (nil, nil)] as [([Float]?, [Float]?)] {
                let y = KernelHarness.output(x.count) {
                    dd_layer_norm_f32($0, $1, x, s, b, Int64(rows), Int64(n), 1e-5)
                }
                let wanted = expected.enumerated().map { $1 * Double(s?[$0 % n] ?? 1) + Double(b?[$0 % n] ?? 0) }
                KernelHarness.expectClose(y, wanted, absolute: 1.5e-6, relative: 1e-6)
                let inPlace = KernelHarness.output(x.count, initial: x) {
                    dd_layer_norm_f32($0, $1, $1, s, b, Int64(rows), Int64(n), 1e-5)
                }
                KernelHarness.expectSame(inPlace, y)
            }
        }
    }

    @Test func constantRowsAndSpecialValues() {
        let n = 50
        var x = [Float](repeating: 3.1415927, count: 3 * n)
        x[n + 3] = .nan
        x[2 * n + 49] = .infinity
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(3 * n) { dd_layer_norm_f32($0, $1, x, nil, nil, 3, Int64(n), 1e-5) }
            #expect(y[0..<n].allSatisfy { abs($0) < 1e-4 } && y[n...].allSatisfy { $0.isNaN })
            let z = KernelHarness.output(3 * n) {
                dd_group_norm_nchw_f32($0, $1, x, nil, nil, 3, 1, Int64(n), 1, 1e-5, 0)
            }
            #expect(z[0..<n].allSatisfy { abs($0) < 1e-4 } && z[n...].allSatisfy { $0.isNaN })
        }
    }
}
