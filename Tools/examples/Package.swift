// swift-tools-version: 6.1
import PackageDescription

/// Programs of others: what deblurdiff's libraries offer to a package that depends on them.
let package = Package(
    name: "examples",
    dependencies: [.package(name: "deblurdiff", path: "../..")],
    targets: [
        .executableTarget(name: "restore", dependencies: [.product(name: "DeblurDiff", package: "deblurdiff")]),
        .executableTarget(
            name: "extend",
            dependencies: [.product(name: "DeblurDiff", package: "deblurdiff"), .product(name: "GraphCompiler", package: "deblurdiff")]),
    ]
)
