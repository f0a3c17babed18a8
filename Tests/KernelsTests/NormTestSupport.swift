import CKernels

/// Calls `body` with descriptions of contiguous sources: values, addend, channels.
func withSources(_ sources: [([Float], [Float]?, Int)], _ body: (UnsafePointer<dd_nhwc_source>) -> Void) {
    func describe(_ index: Int, _ done: [dd_nhwc_source]) {
        guard index < sources.count else {
            done.withUnsafeBufferPointer { body($0.baseAddress!) }
            return
        }
        let (x, addend, channels) = sources[index]
        x.withUnsafeBufferPointer { x in
            (addend ?? []).withUnsafeBufferPointer { a in
                let source = dd_nhwc_source(
                    x: x.baseAddress, addend: addend == nil ? nil : a.baseAddress, channels: Int64(channels), moments: nil)
                describe(index + 1, done + [source])
            }
        }
    }
    describe(0, [])
}

/// What the sources stand for: their rows side by side, each with its addend.
func concatenated(_ sources: [([Float], [Float]?, Int)], rows: Int) -> [Float] {
    var out: [Float] = []
    for row in 0..<rows {
        for (x, addend, channels) in sources {
            for i in row * channels..<(row + 1) * channels {
                out.append(addend == nil ? x[i] : x[i] + addend![i])
            }
        }
    }
    return out
}
