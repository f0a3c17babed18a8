import Foundation
import Tensors
import Testing

/// Reads the files that `Fixtures/make_fixtures.py` made.
func fixture<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json"))
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
}

/// float32 numbers as the integers with the same bits: all of a short list; the ends and a sum of a long one.
struct FloatSummary: Decodable {
    var count: Int
    var first: [UInt32]
    var last: [UInt32]
    var sum: UInt64

    func matches(_ values: [Float]) -> Bool {
        let bits = values.map(\.bitPattern)
        return bits.count == count && Array(bits.prefix(20)) == first && Array(bits.suffix(20)) == last
            && bits.reduce(UInt64(0)) { $0 + UInt64($1) } == sum
    }
}

func floats(_ bits: [UInt32]) -> [Float] { bits.map(Float.init(bitPattern:)) }

func largestDifference(_ first: [Float], _ second: [Float]) -> Float {
    first.count == second.count ? zip(first, second).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}
