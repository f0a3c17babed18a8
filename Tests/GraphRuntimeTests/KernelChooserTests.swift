import CKernels
import Foundation
import GraphIR
import Operators
import Testing

@testable import GraphRuntime

@Suite struct KernelChooserTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/kernel-chooser-\(UUID().uuidString)"
    private var path: String { folder + "/cache/kernels.json" }

    private func arguments(_ size: Int64, _ input: Int64, _ output: Int64, kernel: Int64 = 3, stride: Int64 = 1) -> dd_conv_args {
        var args = dd_conv_args()
        (args.batch, args.height, args.width, args.cin0, args.cout) = (1, size, size, input, output)
        (args.kh, args.kw, args.stride) = (kernel, kernel, stride)
        (args.pad_top, args.pad_left, args.pad_bottom, args.pad_right) = (kernel / 2, kernel / 2, kernel / 2, kernel / 2)
        return args
    }

    private func options(_ precision: Precision = .float32, memory: MemoryUse = .standard) -> RuntimeOptions {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: 2))
        options.precision = precision
        options.memory = memory
        return options
    }

    // Not this one: other tests change the instruction set meanwhile.
    private let machine = "a machine"

    private func chooser(tunes: Bool = false) -> KernelChooser { KernelChooser(cache: path, tunes: tunes, machine: machine) }

    @Test func byShape() throws {
        let chooser = KernelChooser()
        func name(_ args: dd_conv_args, _ options: RuntimeOptions) throws -> String {
            try #require(chooser.convolution(args, options: options)).algorithm.description
        }
        #expect(try name(arguments(64, 320, 320), options()) == "winograd_f4")
        #expect(try name(arguments(32, 640, 640), options()) == "winograd_f4")
        #expect(try name(arguments(32, 640, 640), options(.int16)) == "winograd_f4_plain")
        #expect(try name(arguments(16, 1280, 1280), options()) == "winograd_f4_plain")
        #expect(try name(arguments(8, 1280, 1280), options()) == "winograd_f2_plain")
        #expect(try name(arguments(8, 1280, 1280), options(.int16)) == "winograd_f2")
        #expect(try name(arguments(4, 1280, 1280), options(.int16)) == "direct")
        #expect(try name(arguments(64, 320, 320), options(.int16)) == "winograd_f4")
        #expect(try name(arguments(64, 320, 320, stride: 2), options()) == "winograd_stride_2")
        #expect(try name(arguments(32, 640, 640, stride: 2), options()) == "direct")
        #expect(try name(arguments(64, 320, 320, stride: 3), options()) == "direct")
        #expect(try name(arguments(64, 3, 320), options()) == "direct")
    }

    @Test func leanMemoryTakesNoLargerWeights() throws {
        let cases: [(Int64, Int64, String, String)] = [
            (4, 320, "direct", "direct"), (8, 320, "winograd_f2_plain", "winograd_f2_plain"),
            (64, 320, "winograd_f4_plain", "winograd_f4_plain"), (32, 640, "winograd_f4_plain", "winograd_f4_plain"),
        ]
        for (size, channels, float32, int16) in cases {
            for (precision, name) in [(Precision.float32, float32), (.int16, int16)] {
                let args = arguments(size, channels, channels)
                let choice = try #require(KernelChooser().convolution(args, options: options(precision, memory: .lean)))
                #expect(choice.algorithm.description == name)
                #expect(choice.reason == "lean memory")
                let problem = ConvolutionProblem(args, precision: precision)
                // Scales of int16 come to a hundredth or two.
                #expect(Double(problem.packedByteCount(choice.algorithm)) <= 1.06 * Double(problem.packedByteCount(ConvolutionAlgorithm.all.last!)))
            }
        }
    }

    /// What is measured is kept, and what is kept decides: times and the memory for weights together.
    @Test func timings() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let args = arguments(12, 16, 32)
        #expect(chooser().convolution(args, options: options())?.reason == "by shape")
        let tuned = try #require(chooser(tunes: true).convolution(args, options: options()))
        #expect(tuned.reason.hasPrefix("timed: ") && tuned.reason.contains("direct float32"))
        let again = try #require(chooser().convolution(args, options: options()))
        #expect(again.algorithm == tuned.algorithm)
        #expect(again.reason == tuned.reason)

        let problem = "\(ConvolutionProblem(args, precision: .float32))"
        for (fast, name) in [("winograd_f2 float32", "winograd_f2"), ("direct float32", "direct"), ("winograd_f4 float32", "winograd_f4")] {
            var timings = KernelTimings(path: path, machine: machine)
            var seconds = [
                "direct float32": 1.0, "winograd_f2 float32": 1.0, "winograd_f2_plain float32": 1.0, "winograd_f4 float32": 1.0,
                "winograd_f4_plain float32": 1.0,
            ]
            seconds[fast] = 0.5
            timings.record(seconds, of: problem)
            #expect(chooser().convolution(args, options: options())?.algorithm.description == name)
        }
        // A little faster does not pay for four times the weights.
        var timings = KernelTimings(path: path, machine: machine)
        let wide = arguments(16, 1280, 1280)
        timings.record(
            ["direct float32": 0.0401, "winograd_f2 float32": 0.0401, "winograd_f4 float32": 0.04], of: "\(ConvolutionProblem(wide, precision: .float32))")
        #expect(chooser().convolution(wide, options: options())?.algorithm.description == "direct")
        // Another machine's times do not count.
        #expect(KernelTimings(path: path, machine: "another")[problem].isEmpty)
    }

    /// A cache is never a reason to fail, and what was measured is used all the same. Reading never waits, as it would for a pipe.
    @Test(.timeLimit(.minutes(1)), arguments: ["/dev/null/cache/kernels.json", "/proc/kernels.json", "pipe"])
    func aCacheThatCannotBeWritten(_ path: String) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        mkfifo(folder + "/pipe", 0o666)
        let chooser = KernelChooser(cache: path == "pipe" ? folder + "/pipe" : path, tunes: true, machine: machine)
        for _ in 0..<2 { #expect(chooser.convolution(arguments(12, 16, 32), options: options())?.reason.hasPrefix("timed: ") == true) }
    }

    @Test(arguments: [
        "", "{", "[]", #"{"schema":"other","machines":{}}"#,
        #"{"schema":"deblurdiff.kernels/1","machines":{"a machine":{"\#("conv float32 1x12x12 16->32 3x3 stride 1 pad 1,1,1,1")":{"direct float32":-1,"winograd_f2 float32":0}}}}"#,
    ]) func whatIsNoTimeIsNotMeasured(_ text: String) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder + "/cache", withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(chooser().convolution(arguments(12, 16, 32), options: options())?.reason == "by shape")
        _ = chooser(tunes: true).convolution(arguments(12, 16, 32), options: options())
        #expect(KernelTimings(path: path, machine: machine)["conv float32 1x12x12 16->32 3x3 stride 1 pad 1,1,1,1"].count == 6)
    }
}
