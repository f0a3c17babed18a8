import Files
import Tensors

/// Rows in aligned columns, for the terminal.
///
/// Cells come from files in part, so control characters are shown and never sent to the terminal.
public struct TextTable {
    public enum Alignment: Sendable { case left, right }

    public struct Column: Sendable {
        var title: String
        var alignment: Alignment
        var maximumWidth: Int

        /// - Parameter maximumWidth: longer cells lose their middle.
        public static func left(_ title: String, maximumWidth: Int = 64) -> Column {
            Column(title: title, alignment: .left, maximumWidth: maximumWidth)
        }
        public static func right(_ title: String) -> Column { Column(title: title, alignment: .right, maximumWidth: 24) }
    }

    private enum Row {
        case cells([String])
        case rule
    }

    private let columns: [Column]
    private var rows: [Row] = []

    public init(_ columns: Column...) { self.columns = columns }

    public var isEmpty: Bool { rows.isEmpty }

    public mutating func append(_ cells: String...) {
        precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
        rows.append(.cells(zip(cells, columns).map { TextTable.shortened($0.printable, to: $1.maximumWidth) }))
    }

    /// A line across, before a sum.
    public mutating func appendRule() { rows.append(.rule) }

    /// The lines, each ended by a newline.
    public func text(indent: Int = 0) -> String {
        var widths = columns.map(\.title.count)
        for case .cells(let cells) in rows { for (index, cell) in cells.enumerated() { widths[index] = max(widths[index], cell.count) } }
        let margin = String(repeating: " ", count: indent)
        func line(_ cells: [String]) -> String {
            var text = margin
            for (index, cell) in cells.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                text += columns[index].alignment == .left ? cell + padding : padding + cell
                if index + 1 < cells.count { text += "  " }
            }
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }
        let rule = margin + String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1)) + "\n"
        var text = line(columns.map(\.title)) + rule
        for row in rows {
            if case .cells(let cells) = row { text += line(cells) } else { text += rule }
        }
        return text
    }

    static func shortened(_ text: String, to width: Int) -> String {
        guard text.count > width, width > 1 else { return text }
        let tail = (width - 1) * 2 / 3
        return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
    }
}
