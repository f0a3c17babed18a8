import Files
import Foundation
import ImageMetrics
import Jobs

/// What was measured of a folder of results.
struct EvaluatedFolder {
    let name: String
    let photographs: [(pair: PhotoPair, measurement: PhotoMeasurement)]

    /// Of each folder that lies in it, those in that folder; "" for what lies in none.
    var parts: [String: EvaluatedFolder] {
        let parts = Dictionary(grouping: photographs) { $0.pair.key.contains("/") ? String($0.pair.key.prefix { $0 != "/" }) : "" }
        return parts.mapValues { EvaluatedFolder(name: name, photographs: $0) }
    }

    func byKey<Value>(_ value: (PhotoPair, PhotoMeasurement) -> Value) -> [String: Value] {
        var result: [String: Value] = [:]
        for (pair, measurement) in photographs { result[pair.key] = value(pair, measurement) }
        return result
    }
}

/// Tables of one or two folders.
struct EvaluationReport {
    let metrics: [any Metric]
    let folders: [EvaluatedFolder]
    let reference: String?
    private let groups: [Group]

    /// What stands under one heading.
    private struct Group {
        let name: String
        let count: Int
        let rows: [Row]

        init(_ name: String, _ folders: [EvaluatedFolder], _ metrics: [any Metric]) {
            (self.name, count) = (name, folders[0].photographs.count)
            rows = metrics.map { Row($0, folders) }
        }
    }

    /// A metric: of each folder, and of the differences between their photographs.
    private struct Row {
        let metric: any Metric
        let summaries: [Summary?]
        let difference: Summary?
        /// Photographs for which the first folder's is the better one.
        let better: Int

        init(_ metric: any Metric, _ folders: [EvaluatedFolder]) {
            self.metric = metric
            summaries = folders.map { folder in Summary(folder.photographs.compactMap { $0.measurement.value(metric) }) }
            guard folders.count == 2 else {
                (difference, better) = (nil, 0)
                return
            }
            let others = folders[1].byKey { $1.value(metric) }
            var differences: [Double] = []
            for (pair, measurement) in folders[0].photographs {
                guard let value = measurement.value(metric), let other = others[pair.key] ?? nil, value.isFinite, other.isFinite else { continue }
                differences.append(value - other)
            }
            difference = Summary(differences)
            better = differences.count { metric.higherIsBetter ? $0 > 0 : $0 < 0 }
        }

        /// Which folder has the better mean, as it is printed.
        var best: Int? {
            guard summaries.count == 2, let first = summaries[0], let second = summaries[1] else { return nil }
            let (a, b) = (number(first.mean), number(second.mean))
            return a == b ? nil : (first.mean > second.mean) == metric.higherIsBetter ? 0 : 1
        }

        func number(_ value: Double) -> String { String(format: "%.\(metric.decimals)f", value) }
    }

    init(metrics: [any Metric], folders: [EvaluatedFolder], reference: String?, byFolder: Bool) {
        (self.metrics, self.folders, self.reference) = (metrics, folders, reference)
        guard byFolder else {
            groups = [Group(FilePath.name(of: folders[0].name), folders, metrics)]
            return
        }
        let parts = folders.map(\.parts)
        groups = parts[0].keys.sorted().map { name in
            Group(name, zip(folders, parts).map { folder, parts in parts[name] ?? EvaluatedFolder(name: folder.name, photographs: []) }, metrics)
        }
    }

    func text(_ format: EvaluateCommand.ReportFormat) -> String {
        switch format {
        case .text: plain
        case .json: encodeJSON(json) + "\n"
        case .csv: csv
        case .markdown: markdown
        case .latex: latex
        }
    }

    /// The first folder's photographs that have the first metric, the worst first.
    var ranked: [(name: String, pictures: [String?])] {
        let metric = metrics[0]
        var values: [(pair: PhotoPair, value: Double)] = []
        for (pair, measurement) in folders[0].photographs {
            if let value = measurement.value(metric) { values.append((pair, value)) }
        }
        values.sort { metric.higherIsBetter ? $0.value < $1.value : $0.value > $1.value }
        let others = folders.count < 2 ? nil : folders[1].byKey { pair, _ in pair.image }
        let hasReferences = values.contains { $0.pair.reference != nil }
        return values.map { pair, _ in
            var pictures = hasReferences ? [pair.reference] : []
            pictures.append(pair.image)
            if let others { pictures.append(others[pair.key]) }
            return (pair.name, pictures)
        }
    }

    // MARK: Tables

    private var plain: String {
        var text = ""
        for group in groups {
            let against = reference.map { ", against \($0)" } ?? ""
            text += "\(group.name.isEmpty ? folders[0].name : group.name), \(countOfPhotographs(group.count))\(against)\n"
            var lines = [[""] + folders.map(\.name)]
            if folders.count == 2 { lines[0].append("difference") }
            for row in group.rows {
                var cells = [row.metric.title + (row.metric.higherIsBetter ? " ↑" : " ↓")]
                for summary in row.summaries { cells.append(cell(summary, row)) }
                if folders.count == 2 { cells.append(difference(row)) }
                lines.append(cells)
            }
            let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max()! }
            for line in lines {
                var padded = ""
                for (cell, width) in zip(line, widths) { padded += "  " + cell + String(repeating: " ", count: width - cell.count) }
                while padded.last == " " { padded.removeLast() }
                text += padded + "\n"
            }
        }
        return text
    }

    private func difference(_ row: Row) -> String {
        guard let difference = row.difference else { return "–" }
        return (difference.mean > 0 ? "+" : "") + cell(difference, row) + ", better in \(row.better) of \(difference.count)"
    }

    private func cell(_ summary: Summary?, _ row: Row) -> String {
        guard let summary else { return "–" }
        guard summary.count > 0 else { return "inf (all images are equal)" }
        let mean = "\(row.number(summary.mean)) [\(row.number(summary.low)), \(row.number(summary.high))]"
        return summary.infinite == 0 ? mean : mean + " and \(summary.infinite) x inf"
    }

    /// As the paper's table 1: data sets, their metrics, and the mean of each method; the better one is marked.
    private func rows(of group: Group, arrows: (String, String), number: (String) -> String, mark: (String) -> String) -> [[String]] {
        var result: [[String]] = []
        for row in group.rows {
            var cells = [result.isEmpty ? group.name : "", "\(row.metric.title) \(row.metric.higherIsBetter ? arrows.0 : arrows.1)"]
            for (folder, summary) in row.summaries.enumerated() {
                let mean = number(summary.map { row.number($0.mean) } ?? "–")
                cells.append(row.best == folder ? mark(mean) : mean)
            }
            result.append(cells)
        }
        return result
    }

    private var markdown: String {
        func line(_ cells: [String]) -> String { "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n" }
        var text = line(["Data set", "Metric"] + folders.map(\.name)) + line(["---", "---"] + folders.map { _ in "---:" })
        for group in groups {
            for cells in rows(of: group, arrows: ("↑", "↓"), number: { $0 == "inf" ? "∞" : $0 }, mark: { "**\($0)**" }) { text += line(cells) }
        }
        return text
    }

    private var latex: String {
        func line(_ cells: [String]) -> String { "  " + cells.joined(separator: " & ") + " \\\\\n" }
        let columns = String(repeating: "r", count: folders.count)
        var text = "\\begin{tabular}{ll\(columns)}\n  \\toprule\n" + line(["Data set", "Metric"] + folders.map { EvaluationReport.escaped($0.name) })
        for group in groups {
            text += "  \\midrule\n"
            let rows = rows(
                of: group, arrows: ("$\\uparrow$", "$\\downarrow$"), number: { $0 == "inf" ? "$\\infty$" : $0 == "–" ? "--" : $0 },
                mark: { "\\textbf{\($0)}" })
            for cells in rows { text += line([EvaluationReport.escaped(cells[0])] + cells.dropFirst()) }
        }
        return text + "  \\bottomrule\n\\end{tabular}\n"
    }

    /// For LaTeX.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&", "%", "$", "#", "_", "{", "}": result += "\\\(character)"
            case "\\": result += "\\textbackslash{}"
            case "~", "^": result += "\\\(character){}"
            default: result.append(character)
            }
        }
        return result
    }

    private var csv: String {
        func quoted(_ text: String) -> String { text.contains { ",\"\n".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text }
        var text = (["folder", "photograph", "reference"] + metrics.map(\.name) + ["error"]).map(quoted).joined(separator: ",") + "\n"
        for folder in folders {
            for (pair, measurement) in folder.photographs {
                var cells = [folder.name, pair.name, pair.reference ?? ""]
                for metric in metrics { cells.append(measurement.value(metric).map { "\($0)" } ?? "") }
                cells.append(measurement.error ?? "")
                text += cells.map(quoted).joined(separator: ",") + "\n"
            }
        }
        return text
    }

    // MARK: JSON

    private struct Report: Encodable {
        struct Average: Encodable { var mean, low, high: Double; var count, infinite: Int }
        struct Part: Encodable {
            var name: String
            var photographs: Int
            /// By metric, of each folder.
            var folders: [[String: Average]]
            var differences: [String: Average]?
            var better: [String: Int]?
        }
        struct Kind: Encodable { var name, title: String; var higherIsBetter: Bool }
        struct Photograph: Encodable {
            var name, image: String
            var reference: String?
            var width, height: Int?
            var values: [String: Double]
            var undefined: [String: String]
            var error: String?
        }
        struct Folder: Encodable { var name: String; var photographs: [Photograph] }
        var reference: String?
        var metrics: [Kind]
        var groups: [Part]
        var folders: [Folder]
    }

    private var json: Report {
        func average(_ summary: Summary) -> Report.Average {
            Report.Average(mean: summary.mean, low: summary.low, high: summary.high, count: summary.count, infinite: summary.infinite)
        }
        func byMetric<Value>(_ rows: [Row], _ value: (Row) -> Value?) -> [String: Value] {
            var result: [String: Value] = [:]
            for row in rows { result[row.metric.name] = value(row) }
            return result
        }
        func photograph(_ pair: PhotoPair, _ measurement: PhotoMeasurement) -> Report.Photograph {
            var result = Report.Photograph(
                name: pair.name, image: pair.image, reference: pair.reference, width: measurement.width, height: measurement.height, values: [:],
                undefined: [:], error: measurement.error)
            for metric in metrics {
                result.values[metric.name] = measurement.value(metric)
                result.undefined[metric.name] = measurement.reason(metric)
            }
            return result
        }
        return Report(
            reference: reference, metrics: metrics.map { Report.Kind(name: $0.name, title: $0.title, higherIsBetter: $0.higherIsBetter) },
            groups: groups.map { group in
                Report.Part(
                    name: group.name, photographs: group.count,
                    folders: folders.indices.map { index in byMetric(group.rows) { $0.summaries[index].map(average) } },
                    differences: folders.count < 2 ? nil : byMetric(group.rows) { $0.difference.map(average) },
                    better: folders.count < 2 ? nil : byMetric(group.rows) { $0.better })
            },
            folders: folders.map { folder in Report.Folder(name: folder.name, photographs: folder.photographs.map(photograph)) })
    }
}
