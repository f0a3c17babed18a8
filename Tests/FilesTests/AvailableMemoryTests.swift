import Foundation
import GraphTestSupport
import Testing

@testable import Files

@Suite struct AvailableMemoryTests {
    /// A folder that stands for `/`, with these files.
    private func root(_ files: [String: String]) throws -> String {
        let root = NSTemporaryDirectory() + "memory-\(UUID().uuidString)"
        for (path, text) in files {
            let file = root + path
            try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try text.write(toFile: file, atomically: false, encoding: .utf8)
        }
        return root
    }

    private func available(_ files: [String: String], addressSpace: Int? = nil) throws -> Int {
        let root = try root(files)
        defer { try? FileManager.default.removeItem(atPath: root) }
        return AvailableMemory.byteCount(root: root, addressSpace: addressSpace)
    }

    private let machine = ["/proc/meminfo": "MemTotal:       9000 kB\nMemAvailable:   5000 kB\nSwapFree:       1000 kB\n"]

    @Test func theLeastCounts() throws {
        #expect(try available(machine) == 6000 << 10)
        let unified = machine.merging([
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/b/memory.current": "1000\n",
            "/sys/fs/cgroup/a/memory.max": "9000\n", "/sys/fs/cgroup/a/memory.current": "5000\n",
            "/sys/fs/cgroup/a/memory.stat": "anon 3000\nactive_file 700\ninactive_file 300\n",
        ]) { $1 }
        #expect(try available(unified) == 5000)
        let legacy = machine.merging([
            "/proc/self/cgroup": "4:cpu:/x\n7:memory:/x\n", "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "800\n",
            "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "900\n", "/sys/fs/cgroup/memory/x/memory.stat": "total_active_file 10\n",
        ]) { $1 }
        #expect(try available(legacy) == 0)
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        #expect(try available(machine.merging(["/proc/self/statm": "3 1 1 1 0 1 0\n"]) { $1 }, addressSpace: 10 * page) == 7 * page)
    }

    @Test func thisMachineHasSome() { #expect(AvailableMemory.byteCount > 0) }
}
