import Foundation
import GraphTestSupport
import Testing

/// The Makefile's own work, with a stand-in for Swift that writes down how it is called and links a text.
@Suite struct MakefileTests {
    private let swift = """
        #!/bin/sh
        case "$*" in *--show-bin-path*) echo .build/release; exit;; esac
        echo "$*" >> calls
        mkdir -p .build/release
        printf '#!/bin/sh\\necho "$@"\\n' > .build/release/deblurdiff
        """

    @Test func buildsOnceInstallsAndTakesAway() throws {
        try withScratchFolder { folder in
            let manager = FileManager.default
            for part in ["Sources", "Tools", "Models"] { try manager.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: false) }
            try manager.copyItem(atPath: repositoryFile("Makefile"), toPath: folder + "/Makefile")
            for (path, text) in [
                ("Package.swift", ""), ("Sources/a.swift", ""), ("Models/small.ddiff.safetensors", "model"), ("swift", swift),
                ("Tools/install-packages.sh", "#!/bin/sh\n"),
            ] {
                try SharedFiles.write(text.utf8, "\(folder)/\(path)")
                try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/\(path)")
            }
            func make(_ target: String) throws {
                let outcome = try Command.run([target, "SWIFT=./swift", "PREFIX=/opt", "DESTDIR=\(folder)/place"], of: "/usr/bin/make", in: folder)
                #expect(outcome.status == 0, "\(outcome)")
            }
            func calls() throws -> [String] {
                try String(contentsOfFile: folder + "/calls", encoding: .utf8).split(separator: "\n").map(String.init)
            }
            func installed() throws -> Set<String> {
                Set(
                    try Command.contents(folder).keys.filter { name in
                        var isFolder: ObjCBool = false
                        return name.hasPrefix("place/opt/") && manager.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder) && !isFolder.boolValue
                    })
            }
            try make("build")
            // What tests link in its place is not what is installed.
            try SharedFiles.write("test".utf8, folder + "/.build/release/deblurdiff")
            try make("install")
            #expect(try calls() == ["build -c release --static-swift-stdlib --product deblurdiff"])
            #expect(try SharedFiles.read(folder + "/place/opt/bin/deblurdiff") == Array("#!/bin/sh\necho \"$@\"\n".utf8))
            let files: Set = [
                "bin/deblurdiff", "share/deblurdiff/small.ddiff.safetensors", "share/bash-completion/completions/deblurdiff",
                "share/zsh/site-functions/_deblurdiff", "share/fish/vendor_completions.d/deblurdiff.fish", "share/man/man1/deblurdiff.1",
            ]
            #expect(try installed() == Set(files.map { "place/opt/" + $0 }))
            for shell in [
                "bash-completion/completions/deblurdiff": "bash", "zsh/site-functions/_deblurdiff": "zsh", "fish/vendor_completions.d/deblurdiff.fish": "fish",
            ] {
                #expect(try SharedFiles.read("\(folder)/place/opt/share/\(shell.key)") == Array("--generate-completion-script \(shell.value)\n".utf8))
            }
            try make("uninstall")
            #expect(try installed().isEmpty)
            try make("uninstall")
            // Without a build before it, and after a change.
            try manager.setAttributes([.modificationDate: Date(timeIntervalSinceNow: 10)], ofItemAtPath: folder + "/Sources/a.swift")
            try make("install")
            #expect(try calls().count == 2 && installed().count == files.count)
        }
    }
}
