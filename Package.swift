// swift-tools-version: 6.1
import PackageDescription

/// Each target depends only on targets above it in this list.
let package = Package(
    name: "deblurdiff",
    products: [
        .executable(name: "deblurdiff", targets: ["Command"]),
        .library(name: "DeblurDiff", targets: ["DeblurDiff"]),
        .library(name: "GraphCompiler", targets: ["GraphCompiler"]),
        .library(name: "ONNXGraphs", targets: ["ONNX"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "CKernels", linkerSettings: [.linkedLibrary("pthread"), .linkedLibrary("m")]),
        .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),
        .target(name: "CTIFF", linkerSettings: [.linkedLibrary("tiff")]),
        .target(name: "CLCMS", linkerSettings: [.linkedLibrary("lcms2")]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .systemLibrary(name: "CHEIF", pkgConfig: "libheif", providers: [.apt(["libheif-dev"])]),
        .target(
            name: "COnnx", cxxSettings: [.define("ONNX_ML", to: "1"), .define("ONNX_NAMESPACE", to: "onnx")],
            linkerSettings: [.linkedLibrary("onnx"), .linkedLibrary("onnx_proto"), .linkedLibrary("protobuf")]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        .target(name: "Files", dependencies: ["CCrypto", .product(name: "Logging", package: "swift-log")]),
        .target(name: "Tensors", dependencies: ["Files"]),
        .target(name: "TensorFiles", dependencies: ["CZlib", "Files", "Tensors"]),
        .target(name: "GraphIR", dependencies: ["Files", "Tensors"]),
        .target(name: "Operators", dependencies: ["Files", "GraphIR", "Tensors"]),
        .target(name: "GraphPasses", dependencies: ["Files", "GraphIR", "Operators", "Tensors"]),
        .target(name: "GraphRuntime", dependencies: ["CKernels", "Files", "GraphIR", "Operators", "Tensors"]),
        .target(name: "Checkpoints", dependencies: ["Files", "TensorFiles", "Tensors"]),
        .target(
            name: "GraphFile",
            dependencies: ["Checkpoints", "Files", "GraphIR", "GraphPasses", "GraphRuntime", "Operators", "TensorFiles", "Tensors"]),
        .target(
            name: "GraphCompiler", dependencies: ["Files", "GraphFile", "GraphIR", "GraphPasses", "GraphRuntime", "Operators", "TensorFiles", "Tensors"]),
        .target(
            name: "GraphViews", dependencies: ["Files", "GraphIR", "GraphPasses", "GraphRuntime", "Operators", "Tensors"],
            resources: [
                .embedInCode("Resources/page.html"), .embedInCode("Resources/page.css"), .embedInCode("Resources/data.js"),
                .embedInCode("Resources/layout.js"), .embedInCode("Resources/pane.js"), .embedInCode("Resources/panel.js"),
                .embedInCode("Resources/memory.js"), .embedInCode("Resources/tables.js"), .embedInCode("Resources/main.js"),
            ]),
        .target(
            name: "ONNX",
            dependencies: ["COnnx", "Checkpoints", "Files", "GraphIR", "GraphRuntime", "Operators", "TensorFiles", "Tensors"]),
        .target(name: "Images", dependencies: ["CHEIF", "CJPEG", "CLCMS", "CPNG", "CTIFF", "CWebP", "CZlib", "Files", "Tensors"]),
        .target(name: "ImageMetrics", dependencies: ["Files", "Images", "Tensors"], resources: [.embedInCode("Resources/niqe.txt")]),
        .target(name: "Blur", dependencies: ["Files", "Images"]),
        .target(
            name: "DeblurDiff",
            dependencies: [
                "CKernels", "CZlib", "Checkpoints", "Files", "GraphFile", "GraphIR", "GraphPasses", "GraphRuntime", "Operators", "TensorFiles", "Tensors",
                "Yams",
            ]),
        .target(name: "Jobs", dependencies: ["Blur", "DeblurDiff", "Files", "GraphRuntime", "ImageMetrics", "Images", "TensorFiles", "Tensors"]),
        .target(
            name: "Server",
            dependencies: [
                "Blur", "DeblurDiff", "Files", "GraphViews", "Images", "Jobs", "Tensors", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"), .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [
                .embedInCode("Resources/page.html"), .embedInCode("Resources/page.css"), .embedInCode("Resources/favicon.svg"),
                .embedInCode("Resources/openapi.json"),
                .embedInCode("Resources/api.js"), .embedInCode("Resources/dialogs.js"), .embedInCode("Resources/list.js"), .embedInCode("Resources/main.js"),
                .embedInCode("Resources/options.js"), .embedInCode("Resources/pictures.js"), .embedInCode("Resources/stage.js"),
                .embedInCode("Resources/store.js"),
                .embedInCode("Resources/strip.js"), .embedInCode("Resources/tray.js"), .embedInCode("Resources/viewer.js"), .embedInCode("Resources/words.js"),
            ]),
        .executableTarget(
            name: "Command",
            dependencies: [
                "Blur", "Checkpoints", "DeblurDiff", "Files", "GraphFile", "GraphIR", "GraphPasses", "GraphRuntime", "GraphViews", "ImageMetrics",
                "Images", "Jobs", "ONNX", "Operators", "Server", "TensorFiles", "Tensors", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "GraphTestSupport",
            dependencies: ["Checkpoints", "DeblurDiff", "Files", "GraphFile", "GraphIR", "GraphPasses", "GraphRuntime", "Operators", "TensorFiles", "Tensors"]),
        .executableTarget(
            name: "seeded-checkpoint",
            dependencies: ["DeblurDiff", "Files", "GraphTestSupport", "Tensors", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tools/seeded-checkpoint"),
        .executableTarget(name: "race", dependencies: ["DeblurDiff"], path: "Tools/race"),
        .executableTarget(
            name: "copy-photo", dependencies: ["Files", "Images", .product(name: "ArgumentParser", package: "swift-argument-parser")], path: "Tools/copy-photo"),
        .executableTarget(
            name: "fuzz-files",
            dependencies: [
                "Checkpoints", "DeblurDiff", "Files", "GraphFile", "GraphIR", "GraphTestSupport", "Operators", "Images", "TensorFiles", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tools/fuzz-files"),
        .executableTarget(
            name: "fuzz-graphs",
            dependencies: [
                "Files", "GraphIR", "GraphPasses", "GraphTestSupport", "ONNX", "Operators", "TensorFiles", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tools/fuzz-graphs"),
        .executableTarget(
            name: "fuzz-onnx",
            dependencies: [
                "Files", "GraphIR", "GraphRuntime", "GraphTestSupport", "ONNX", "Tensors", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tools/fuzz-onnx"),

        .testTarget(name: "KernelsTests", dependencies: ["CKernels", "Files"]),
        .testTarget(name: "FilesTests", dependencies: ["Files", "GraphTestSupport"]),
        .testTarget(name: "TensorsTests", dependencies: ["Files", "GraphTestSupport", "TensorFiles", "Tensors"]),
        .testTarget(name: "GraphIRTests", dependencies: ["DeblurDiff", "Files", "GraphIR", "GraphTestSupport", "Operators", "Tensors"]),
        .testTarget(name: "GraphPassesTests", dependencies: ["DeblurDiff", "Files", "GraphIR", "GraphPasses", "GraphTestSupport", "Operators", "Tensors"]),
        .testTarget(
            name: "GraphRuntimeTests",
            dependencies: ["CKernels", "Files", "GraphIR", "GraphPasses", "GraphRuntime", "GraphTestSupport", "Operators", "Tensors"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "Files", "GraphFile", "GraphTestSupport", "TensorFiles", "Tensors"]),
        .testTarget(
            name: "GraphFileTests",
            dependencies: ["Checkpoints", "Files", "GraphFile", "GraphIR", "GraphRuntime", "GraphTestSupport", "Operators", "TensorFiles", "Tensors"]),
        .testTarget(
            name: "GraphViewsTests",
            dependencies: ["DeblurDiff", "Files", "GraphIR", "GraphPasses", "GraphRuntime", "GraphTestSupport", "GraphViews", "Operators", "Tensors"]),
        .testTarget(
            name: "ONNXTests",
            dependencies: ["DeblurDiff", "Files", "GraphIR", "GraphPasses", "GraphRuntime", "GraphTestSupport", "ONNX", "Operators", "Tensors"],
            exclude: ["Fixtures"]),
        .testTarget(name: "ImagesTests", dependencies: ["Files", "Images", "Tensors"], exclude: ["Fixtures"]),
        .testTarget(name: "ImageMetricsTests", dependencies: ["Files", "ImageMetrics", "Images"]),
        .testTarget(name: "BlurTests", dependencies: ["Blur", "Files", "GraphTestSupport", "Images"]),
        .testTarget(
            name: "DeblurDiffTests",
            dependencies: [
                "CKernels", "Checkpoints", "DeblurDiff", "Files", "GraphIR", "GraphPasses", "GraphRuntime", "GraphTestSupport", "Images", "Operators",
                "TensorFiles", "Tensors",
            ], resources: [.copy("Fixtures")]),
        .testTarget(
            name: "JobsTests", dependencies: ["DeblurDiff", "Files", "GraphRuntime", "GraphTestSupport", "Images", "Jobs", "Tensors"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "DeblurDiff", "Files", "GraphRuntime", "GraphTestSupport", "Images", "Jobs", "Server", .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "Checkpoints", "Command", "DeblurDiff", "Files", "GraphFile", "GraphIR", "GraphPasses", "GraphRuntime", "GraphTestSupport", "Images",
                "TensorFiles", "Tensors",
            ], exclude: ["Fixtures"]),
    ],
    cxxLanguageStandard: .cxx17
)

// `make docs` alone.
if Context.environment["DEBLURDIFF_DOCS"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
