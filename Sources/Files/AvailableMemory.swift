import Foundation

/// Memory that this process can still take, and that the machine has at all. Asked before anything is allocated, so that sizes from files and command lines end in
/// a message.
public enum AvailableMemory {
    /// Bytes: the least of what the machine has left, what the process's control groups leave it, and what its own limits do.
    public static var byteCount: Int { byteCount(root: "", addressSpace: addressSpaceLimit) }

    public static var machineByteCount: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

    /// Throws where so much is more than the machine has. `what` is what needs it.
    public static func requireMachine(_ needed: Int, for what: @autoclosure () -> String) throws {
        guard needed > machineByteCount else { return }
        throw InputError("\(what()) takes \(Units.bytes(needed)) of memory, more than the \(Units.bytes(machineByteCount)) of this machine")
    }

    /// Throws where so much cannot be had. `what` is what needs it: "the picture".
    public static func require(_ needed: Int, for what: String) throws {
        let available = byteCount
        guard needed > available else { return }
        throw InputError("\(what) needs \(Units.bytes(needed)) of memory, but only \(Units.bytes(available)) are available")
    }

    /// - Parameters:
    ///   - root: a folder that stands for `/`.
    ///   - addressSpace: the most addresses that the process may have.
    static func byteCount(root: String, addressSpace: Int?) -> Int {
        let meminfo = fields(of: root + "/proc/meminfo")
        let machine = meminfo["MemAvailable:"].map { ($0 + (meminfo["SwapFree:"] ?? 0)) << 10 } ?? machineByteCount
        var left = groups(root).reduce(machine) { min($0, $1) }
        if let addressSpace, let pages = contents(root + "/proc/self/statm")?.split(separator: " ").first.flatMap({ Int($0) }) {
            left = min(left, addressSpace - pages * Int(sysconf(Int32(_SC_PAGESIZE))))
        }
        return max(0, left)
    }

    private static var addressSpaceLimit: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(Int.max) else { return nil }
        return Int(limit.rlim_cur)
    }

    /// What each control group around the process leaves it. Pages of files count as free: they can be read again.
    private static func groups(_ root: String) -> [Int] {
        var result: [Int] = []
        for line in (contents(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
            let top = root + (isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory")
            let names = isUnified ? ("memory.max", "memory.current", "") : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
            var path = parts[2].split(separator: "/")
            while true {
                let folder = ([top] + path.map(String.init)).joined(separator: "/")
                if let limit = number(folder + "/" + names.0), let used = number(folder + "/" + names.1) {
                    let statistics = fields(of: folder + "/memory.stat")
                    let files = ["active_file", "inactive_file"].reduce(0) { $0 + (statistics[names.2 + $1] ?? 0) }
                    result.append(limit - used + files)
                }
                guard path.popLast() != nil else { break }
            }
        }
        return result
    }

    private static func contents(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private static func number(_ path: String) -> Int? { contents(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } }

    /// Lines of a name, a number, and what else there may be.
    private static func fields(of path: String) -> [String: Int] {
        let lines = (contents(path) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        return Dictionary(lines.compactMap { line in line.count > 1 ? Int(line[1]).map { (String(line[0]), $0) } : nil }) { first, _ in first }
    }
}
