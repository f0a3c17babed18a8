import Files
import Tensors

extension ModelFile {
    /// Reads every tensor and compares it with its checksum. (The metadata were checked when the file was opened.)
    ///
    /// Memory stays bounded: pages are released as soon as they are hashed.
    ///
    /// - Parameter progress: called now and then with the bytes of tensors that are checked, and those of all.
    /// - Returns: everything that is wrong, empty for a sound file.
    public func verify(progress: ((_ done: Int, _ total: Int) -> Void)? = nil) -> [InputError] {
        var problems: [InputError] = []
        let total = tensorByteCount
        var done = 0
        for name in tensorNames {
            guard let entry = contents.entry(name) else { continue }
            var doneHere = 0
            let digest = file.sha256(of: entry.byteRange) {
                doneHere = min(doneHere + 4 << 20, entry.byteRange.count)
                progress?(done + doneHere, total)
                return true
            }
            done += entry.byteRange.count
            switch checksums[name] {
            case nil: problems.append(InputError("has no checksum", at: name))
            case digest: break
            default: problems.append(InputError("its bytes are damaged: the checksum is wrong", at: name))
            }
        }
        for name in checksums.keys.sorted() where contents.entry(name) == nil {
            problems.append(InputError("has a checksum, but is not there", at: name))
        }
        return problems
    }
}
