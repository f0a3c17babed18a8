// swift-tools-version: 6.1
import PackageDescription

/// Each target depends only on targets above it in this list.
let package = Package(
    name: "deblurdiff",
    products: [
        .executable(name: "deblurdiff", targets: ["deblurdiff"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CKernels", linkerSettings: [.linkedLibrary("pthread"), .linkedLibrary("m")]),
        .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),
        .target(
            name: "COnnx", cxxSettings: [.define("ONNX_ML", to: "1"), .define("ONNX_NAMESPACE", to: "onnx")],
            linkerSettings: [.linkedLibrary("onnx"), .linkedLibrary("onnx_proto"), .linkedLibrary("protobuf")]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        .target(name: "Tensors", dependencies: ["CCrypto"]),
        .target(name: "TensorFiles", dependencies: ["CZlib", "Tensors"]),
        .target(name: "GraphIR", dependencies: ["Tensors"]),
        .target(name: "Operators", dependencies: ["GraphIR"]),
        .target(name: "GraphPasses", dependencies: ["Operators"]),
        .target(name: "ModelImport", dependencies: ["Operators", "Yams"]),
        .target(name: "ModelFile", dependencies: ["ModelImport"]),
        .target(name: "GraphRuntime", dependencies: ["CKernels", "GraphPasses"]),
        .target(
            name: "GraphViews", dependencies: ["GraphPasses", "GraphRuntime"],
            resources: [
                .embedInCode("Resources/page.html"), .embedInCode("Resources/page.css"), .embedInCode("Resources/data.js"),
                .embedInCode("Resources/layout.js"), .embedInCode("Resources/pane.js"), .embedInCode("Resources/panel.js"),
                .embedInCode("Resources/memory.js"), .embedInCode("Resources/tables.js"), .embedInCode("Resources/main.js"),
            ]),
        .target(name: "ONNX", dependencies: ["COnnx", "GraphRuntime", "ModelFile"]),
        .target(name: "Diffusion", dependencies: ["CZlib", "GraphRuntime", "ModelFile"]),
        .target(name: "Images", dependencies: ["CPNG", "Tensors"]),
        .executableTarget(
            name: "deblurdiff",
            dependencies: [
                "Diffusion", "GraphViews", "ONNX", "Images", "TensorFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "GraphTestSupport", dependencies: ["GraphPasses", "GraphRuntime", "ModelFile"]),
        .executableTarget(
            name: "seeded-checkpoint",
            dependencies: ["GraphTestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tools/seeded-checkpoint"),
        .executableTarget(
            name: "fuzz-files",
            dependencies: ["Diffusion", "GraphTestSupport", "Images", "TensorFiles", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tools/fuzz-files"),
        .executableTarget(
            name: "fuzz-graphs",
            dependencies: ["GraphTestSupport", "ONNX", "TensorFiles", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tools/fuzz-graphs"),
        .executableTarget(
            name: "fuzz-onnx",
            dependencies: ["GraphTestSupport", "ONNX", .product(name: "ArgumentParser", package: "swift-argument-parser")], path: "Tools/fuzz-onnx"),

        .testTarget(name: "KernelsTests", dependencies: ["CKernels"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TensorFiles", "GraphTestSupport"]),
        .testTarget(name: "GraphIRTests", dependencies: ["ModelImport", "Operators", "GraphTestSupport"]),
        .testTarget(name: "GraphRuntimeTests", dependencies: ["CKernels", "GraphRuntime", "GraphTestSupport"]),
        .testTarget(name: "GraphPassesTests", dependencies: ["Diffusion", "GraphPasses", "GraphTestSupport"]),
        .testTarget(name: "GraphViewsTests", dependencies: ["GraphViews", "Diffusion", "GraphTestSupport"]),
        .testTarget(name: "ModelImportTests", dependencies: ["ModelImport", "ModelFile", "GraphTestSupport"]),
        .testTarget(name: "ONNXTests", dependencies: ["Diffusion", "ONNX", "GraphTestSupport"], exclude: ["Fixtures"]),
        .testTarget(name: "ImagesTests", dependencies: ["Images"]),
        .testTarget(name: "CommandTests", dependencies: ["deblurdiff", "ModelFile", "Images", "TensorFiles", "GraphTestSupport"]),
        .testTarget(
            name: "DiffusionTests", dependencies: ["CKernels", "Diffusion", "Images", "GraphTestSupport"], resources: [.copy("Fixtures")]),
    ],
    cxxLanguageStandard: .cxx17
)
