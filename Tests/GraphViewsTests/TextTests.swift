import Files
import GraphViews
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_234_000, "1.23 MB"), (12_340_000, "12.3 MB"), (999_900_000, "1.00 GB"),
        (5_500_000_000, "5.50 GB"),
    ]) func scalesBytes(count: Int, text: String) { #expect(Units.bytes(count) == text) }

    @Test(arguments: [(0.0, "0 s"), (2.5e-8, "25.0 ns"), (3.2e-5, "32.0 µs"), (0.0123, "12.3 ms"), (12.34, "12.3 s"), (125.0, "125 s")])
    func scalesSeconds(seconds: Double, text: String) { #expect(Units.seconds(seconds) == text) }

    @Test func dividesOnlyWhatIsThere() {
        #expect(Units.flopRate(2_000_000_000, seconds: 0.5) == "4.00 GFLOP/s")
        #expect(Units.flopRate(10, seconds: 0) == "–")
        #expect(Units.byteRate(0, seconds: 1) == "–")
        #expect(Units.share(1, of: 4) == "25.0 %")
        #expect(Units.share(1, of: 0) == "–")
    }

    @Test func groupsDigits() {
        #expect(Units.count(0) == "0")
        #expect(Units.count(1_234_567) == "1,234,567")
        #expect(Units.count(-1000) == "-1,000")
    }

    @Test func alignsColumns() {
        var table = TextTable(.left("op"), .right("time"))
        table.append("conv2d", "1.50 ms")
        table.append("add", "12.0 ms")
        table.appendRule()
        table.append("all", "13.5 ms")
        let lines = [" op         time", " ───────────────", " conv2d  1.50 ms", " add     12.0 ms", " ───────────────", " all     13.5 ms"]
        #expect(table.text(indent: 1) == lines.map { $0 + "\n" }.joined())
    }

    @Test func sendsNoControlCharacterToTheTerminal() {
        var table = TextTable(.left("name"))
        table.append("red\u{1b}[31m\nnext\u{202e}line")
        let text = table.text()
        #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
        #expect(text.contains("red\\u001b[31m\\u000anext\\u202eline"))
    }

    @Test func shortensInTheMiddle() {
        var table = TextTable(.left("name", maximumWidth: 16))
        table.append("unet.output_blocks.11.1.attn1.softmax")
        #expect(table.text().contains("unet.…n1.softmax"))
    }

    @Test func listsPasses() {
        let text = [
            PassListing(name: "FuseAttention", summary: "One op for attention."),
            PassListing(name: "FuseGEGLU", summary: "One op for GEGLU.", runsAfter: ["FuseAttention"]),
        ].table
        #expect(text.contains("1  FuseAttention  One op for attention."))
        #expect(text.contains("2  FuseGEGLU      One op for GEGLU.      FuseAttention"))
    }
}
