import CKernels
import Testing

/// A tensor [n, c, h, w] with zeros around it, whatever its layout in memory.
private struct Image {
    var n: Int, c: Int, h: Int, w: Int
    var values: [Float]

    init(_ n: Int, _ c: Int, _ h: Int, _ w: Int, _ at: (Int, Int, Int, Int) -> Float) {
        (self.n, self.c, self.h, self.w, values) = (n, c, h, w, [])
        for i in 0..<n { for k in 0..<c { for y in 0..<h { for x in 0..<w { values.append(at(i, k, y, x)) } } } }
    }

    init(_ n: Int, _ c: Int, _ h: Int, _ w: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed)
        self.init(n, c, h, w) { _, _, _, _ in numbers.float() }
    }

    subscript(_ i: Int, _ k: Int, _ y: Int, _ x: Int) -> Float {
        y < 0 || y >= h || x < 0 || x >= w ? 0 : values[((i * c + k) * h + y) * w + x]
    }

    var channelsLast: [Float] {
        var out: [Float] = []
        for i in 0..<n { for y in 0..<h { for x in 0..<w { for k in 0..<c { out.append(self[i, k, y, x]) } } } }
        return out
    }

    var sizes: (n: Int64, c: Int64, h: Int64, w: Int64) { (Int64(n), Int64(c), Int64(h), Int64(w)) }
}

private func starts(_ n: Int, _ k: Int) -> [Int] {
    guard n > k else { return [0] }
    let count = (n + k - 1) / k
    let step = (n - k + count - 2) / (count - 1)
    return (0..<count).map { min($0 * step, n - k) }
}

@Suite struct SpatialTests {
    @Test(arguments: [
        (3, 9, 11, 3, 3, 1, 1, 1, 1, 1), (2, 8, 8, 3, 3, 2, 2, 1, 1, 1), (1, 1, 1, 1, 1, 1, 1, 0, 0, 1),
        (2, 7, 40, 3, 5, 1, 2, 2, 3, 2), (2, 12, 10, 2, 3, 3, 3, 0, 1, 1), (1, 5, 4, 5, 5, 1, 1, 4, 6, 1),
    ])
    func im2col(_ s: (Int, Int, Int, Int, Int, Int, Int, Int, Int, Int)) {
        let (cin, h, w, kh, kw, strideH, strideW, padTop, padLeft, dilation) = s
        let image = Image(1, cin, h, w, seed: 41)
        // Unlike padding to the right and below is a matter of how many outputs are asked for.
        let outH = (h + 2 * padTop - (kh - 1) * dilation - 1) / strideH + 1
        let outW = (w + 2 * padLeft + 1 - (kw - 1) * dilation - 1) / strideW + 1
        KernelHarness.forEachISA { _ in
            for (first, count) in [(0, outH * outW), (outH * outW / 3, outH * outW / 2), (outH * outW - 1, 1), (0, 0)] {
                let ld = count + 3
                let rows = cin * kh * kw
                let y = KernelHarness.output(rows * ld, initial: [Float](repeating: 7, count: rows * ld)) { _, y in
                    dd_im2col_nchw_f32(
                        y, image.values, Int64(cin), Int64(h), Int64(w), Int64(kh), Int64(kw), Int64(strideH),
                        Int64(strideW),
                        Int64(padTop), Int64(padLeft), Int64(dilation), Int64(dilation), Int64(outW), Int64(first),
                        Int64(count),
                        Int64(ld))
                }
                let expected = (0..<rows * ld).map { i -> Float in
                    let (row, j) = (i / ld, i % ld)
                    guard j < count else { return 7 }
                    let (oy, ox) = ((first + j) / outW, (first + j) % outW)
                    return image[
                        0, row / (kh * kw), oy * strideH - padTop + row / kw % kh * dilation,
                        ox * strideW - padLeft + row % kw * dilation]
                }
                KernelHarness.expectSame(y, expected)
            }
        }
    }

    @Test(arguments: [(1, 1, 1, 1, 3), (2, 3, 5, 7, 3), (1, 4, 16, 33, 5), (1, 2, 2, 2, 5), (1, 1, 0, 4, 3)])
    func unfold(_ n: Int, _ c: Int, _ h: Int, _ w: Int, _ k: Int) {
        let x = Image(n, c, h, w, seed: 42)
        let expected = Image(n, c * k * k, h, w) { i, tap, y, j in
            x[i, tap / (k * k), y + tap / k % k - k / 2, j + tap % k - k / 2]
        }
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(expected.values.count) {
                dd_unfold_nchw_f32(
                    $0, $1, x.values, Int64(n), Int64(c), Int64(h), Int64(w), Int64(k), Int64(k), Int64(k / 2),
                    Int64(k / 2))
            }
            KernelHarness.expectSame(y, expected.values)
        }
    }

    @Test(arguments: [
        (1, 1, 1, 1, 5), (2, 4, 9, 13, 5), (1, 4, 32, 64, 5), (1, 3, 3, 2, 5), (1, 2, 10, 70, 3), (1, 4, 6, 6, 1),
    ])
    func adaptiveConvolution(_ n: Int, _ c: Int, _ h: Int, _ w: Int, _ k: Int) {
        let x = Image(n, c, h, w, seed: 43)
        let kernel = Image(n, c * k * k, h, w, seed: 44)
        let (sn, sc, sh, sw) = x.sizes
        KernelHarness.forEachISA { _ in
            for residual in [0, 1] {
                let expected = Image(n, c, h, w) { i, ch, y, j in
                    var sum = residual == 1 ? Double(x[i, ch, y, j]) : 0
                    for tap in 0..<k * k {
                        sum +=
                            Double(kernel[i, ch * k * k + tap, y, j])
                            * Double(x[i, ch, y + tap / k - k / 2, j + tap % k - k / 2])
                    }
                    return Float(sum)
                }
                let y = KernelHarness.output(x.values.count) {
                    dd_eac_nchw_f32($0, $1, x.values, kernel.values, sn, sc, sh, sw, Int64(k), Int32(residual))
                }
                KernelHarness.expectClose(y, expected.values.map(Double.init), absolute: 1.5e-6)
                let last = KernelHarness.output(x.values.count) {
                    dd_eac_nhwc_f32(
                        $0, $1, x.channelsLast, kernel.channelsLast, sn, sc, sh, sw, Int64(k), Int32(residual))
                }
                KernelHarness.expectClose(last, expected.channelsLast.map(Double.init), absolute: 1.5e-6)
            }
        }
    }

    @Test func windowStartsCoverTheAxis() {
        for k in 1...12 {
            for n in 1...60 {
                let expected = starts(n, k)
                let positions = (0..<n).map(Float.init)
                let windows = KernelHarness.output(expected.count * min(k, n)) {
                    dd_window_partition_nhwc_f32($0, $1, positions, 1, 1, 1, Int64(n), Int64(k))
                }
                #expect(expected.indices.map { Int(windows[$0 * min(k, n)]) } == expected)
                #expect(
                    Set(expected.flatMap { $0..<min($0 + k, n) }) == Set(0..<n) && Set(expected).count == expected.count
                )
            }
        }
    }

    @Test(arguments: [
        (1, 1, 1, 1, 4), (1, 3, 5, 9, 4), (2, 2, 13, 6, 4), (1, 40, 20, 17, 8), (2, 5, 8, 8, 8), (1, 1, 3, 30, 7),
    ])
    func windowsThereAndBack(_ n: Int, _ c: Int, _ h: Int, _ w: Int, _ k: Int) {
        let x = Image(n, c, h, w, seed: 45)
        let (sn, sc, sh, sw) = x.sizes
        let (tops, lefts, kh, kw) = (starts(h, k), starts(w, k), min(k, h), min(k, w))
        let corners = tops.flatMap { top in lefts.map { (top, $0) } }
        let windows = Image(n * corners.count, c, kh, kw) { i, ch, y, j in
            let (top, left) = corners[i % corners.count]
            return x[i / corners.count, ch, top + y, left + j]
        }
        // Windows that disagree, so that the average matters.
        let other = Image(windows.n, c, kh, kw, seed: 46)
        var sum = [Float](repeating: 0, count: x.values.count)
        var count = sum
        for i in 0..<other.n {
            let (top, left) = corners[i % corners.count]
            for ch in 0..<c {
                for y in 0..<kh {
                    for j in 0..<kw {
                        let at = ((i / corners.count * c + ch) * h + top + y) * w + left + j
                        sum[at] += other[i, ch, y, j]
                        count[at] += 1
                    }
                }
            }
        }
        let merged = Image(n, c, h, w) { i, ch, y, j in
            let at = ((i * c + ch) * h + y) * w + j
            return sum[at] / count[at]
        }
        KernelHarness.forEachISA { _ in
            KernelHarness.expectSame(
                KernelHarness.output(windows.values.count) {
                    dd_window_partition_nchw_f32($0, $1, x.values, sn, sc, sh, sw, Int64(k))
                }, windows.values)
            KernelHarness.expectSame(
                KernelHarness.output(windows.values.count) {
                    dd_window_partition_nhwc_f32($0, $1, x.channelsLast, sn, sc, sh, sw, Int64(k))
                }, windows.channelsLast)
            KernelHarness.expectSame(
                KernelHarness.output(x.values.count) {
                    dd_window_merge_nchw_f32($0, $1, other.values, sn, sc, sh, sw, Int64(k))
                }, merged.values)
            KernelHarness.expectSame(
                KernelHarness.output(x.values.count) {
                    dd_window_merge_nhwc_f32($0, $1, other.channelsLast, sn, sc, sh, sw, Int64(k))
                }, merged.channelsLast)
        }
    }

    @Test(arguments: [
        (1, 1, 1, 1, 2, 2), (2, 3, 5, 7, 2, 2), (1, 40, 9, 33, 2, 2), (1, 2, 3, 4, 3, 1), (1, 5, 4, 6, 1, 4),
        (1, 3, 0, 2, 2, 2),
    ])
    func upsampling(_ s: (Int, Int, Int, Int, Int, Int)) {
        let (n, c, h, w, factorH, factorW) = s
        let x = Image(n, c, h, w, seed: 47)
        let expected = Image(n, c, h * factorH, w * factorW) { x[$0, $1, $2 / factorH, $3 / factorW] }
        let (sn, sc, sh, sw) = x.sizes
        KernelHarness.forEachISA { _ in
            KernelHarness.expectSame(
                KernelHarness.output(expected.values.count) {
                    dd_upsample_nearest_nchw_f32($0, $1, x.values, sn, sc, sh, sw, Int64(factorH), Int64(factorW))
                }, expected.values)
            KernelHarness.expectSame(
                KernelHarness.output(expected.values.count) {
                    dd_upsample_nearest_nhwc_f32($0, $1, x.channelsLast, sn, sc, sh, sw, Int64(factorH), Int64(factorW))
                }, expected.channelsLast)
        }
    }

    @Test(arguments: [(1, 1, 1), (2, 3, 5), (1, 320, 64), (2, 33, 100), (1, 4, 4097), (1, 130, 1000), (3, 0, 4)])
    func layouts(_ batch: Int, _ channels: Int, _ pixels: Int) {
        let x = Image(batch, channels, 1, pixels, seed: 49)
        let sizes = (Int64(batch), Int64(channels), Int64(pixels))
        KernelHarness.forEachISA { _ in
            let y = KernelHarness.output(x.values.count) {
                dd_nchw_to_nhwc_f32($0, $1, x.values, sizes.0, sizes.1, sizes.2)
            }
            KernelHarness.expectSame(y, x.channelsLast)
            let back = KernelHarness.output(x.values.count) {
                dd_nhwc_to_nchw_f32($0, $1, y, sizes.0, sizes.1, sizes.2)
            }
            KernelHarness.expectSame(back, x.values)
        }
    }
}
