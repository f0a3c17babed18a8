import Foundation

/// Quantities as people read them: three digits that count, and a unit. Units are decimal (1 MB is 10^6 bytes).
public enum Units {
    public static func bytes(_ count: Int) -> String { scaled(Double(count), ["B", "kB", "MB", "GB", "TB"]) }

    public static func flop(_ count: Int) -> String { scaled(Double(count), ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"]) }

    /// A dash where there is nothing to divide.
    public static func flopRate(_ count: Int, seconds: Double) -> String {
        seconds > 0 && count > 0 ? scaled(Double(count) / seconds, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"]) : "–"
    }

    public static func byteRate(_ count: Int, seconds: Double) -> String {
        seconds > 0 && count > 0 ? scaled(Double(count) / seconds, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]) : "–"
    }

    public static func seconds(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0 s"
        case ..<1e-6: "\(digits(value * 1e9)) ns"
        case ..<1e-3: "\(digits(value * 1e6)) µs"
        case ..<1: "\(digits(value * 1e3)) ms"
        default: "\(digits(value)) s"
        }
    }

    /// A part of a whole, in per cent.
    public static func share(_ part: Double, of whole: Double) -> String {
        whole > 0 ? String(format: "%.1f %%", 100 * part / whole) : "–"
    }

    /// `1234567` as `1,234,567`.
    public static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    private static func scaled(_ value: Double, _ units: [String]) -> String {
        var value = value
        var index = 0
        while abs(value) >= 999.5, index + 1 < units.count {
            value /= 1000
            index += 1
        }
        return "\(index == 0 && value == value.rounded() ? String(format: "%.0f", value) : digits(value)) \(units[index])"
    }

    private static func digits(_ value: Double) -> String {
        switch abs(value) {
        case 99.95...: String(format: "%.0f", value)
        case 9.995...: String(format: "%.1f", value)
        default: String(format: "%.2f", value)
        }
    }
}
