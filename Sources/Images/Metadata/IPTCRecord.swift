/// IPTC's older metadata, as they lie in Photoshop's image resources.
enum IPTCRecord {
    private static let signature = Array("8BIM".utf8)
    private static let resource: [UInt8] = [0x04, 0x04]

    /// The record within image resources; nil where there is none.
    static func find(in resources: some Collection<UInt8>) -> [UInt8]? {
        let bytes = Array(resources)
        var place = 0
        while place + 12 <= bytes.count, bytes[place..<place + 4].elementsEqual(signature) {
            // A name with its length in front, padded to an even number of bytes; then the size.
            let sizePlace = place + 6 + (Int(bytes[place + 6]) + 2) / 2 * 2
            guard sizePlace + 4 <= bytes.count else { return nil }
            let size = bytes[sizePlace..<sizePlace + 4].reduce(0) { $0 << 8 | Int($1) }
            let start = sizePlace + 4
            guard size <= bytes.count - start else { return nil }
            if bytes[place + 4..<place + 6].elementsEqual(resource) { return size > 0 ? Array(bytes[start..<start + size]) : nil }
            place = start + (size + 1) / 2 * 2
        }
        return nil
    }

    /// A record as the only image resource.
    static func resources(_ record: [UInt8]) -> [UInt8] {
        let size = withUnsafeBytes(of: UInt32(record.count).bigEndian, Array.init)
        return signature + resource + [0, 0] + size + record + (record.count.isMultiple(of: 2) ? [] : [0])
    }
}
