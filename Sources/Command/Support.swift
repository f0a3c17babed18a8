import Files
import Foundation
import Tensors

func fileSize(_ path: String) -> Int { FileStatus(path)?.size ?? 0 }

/// Seconds as "4.2 s", "3:05" or "1:02:03".
func formatDuration(_ seconds: Double) -> String {
    guard seconds >= 60 else { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0 ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
}

func countOfPhotographs(_ count: Int) -> String { count == 1 ? "1 photograph" : "\(count) photographs" }
