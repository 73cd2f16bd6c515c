internal import Foundation

/// What several processes of one server use together. Nil for a process that has ended.
extension ProcessTable {
  /// The process and those that it has started: cheaper than `descendants`, where the system tells.
  package static func family(of pid: Int32) -> [Int32] {
    #if os(Linux)
      if let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .isoLatin1) {
        return [pid] + text.split(separator: " ").compactMap { Int32($0) }.flatMap { family(of: $0) }
      }
    #endif
    return [pid] + descendants(of: pid)
  }

  /// Memory that is resident now, in bytes: its own, and what it shares with others (files and shared memory).
  package static func residentBytes(of pid: Int32) -> (own: Int, shared: Int)? {
    #if os(Linux)
      guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .isoLatin1) else {
        return nil
      }
      var (own, shared): (Int?, Int) = (nil, 0)
      for line in text.split(separator: "\n") where line.hasPrefix("Rss") {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.count > 1, let kibibytes = Int(words[1]) else { continue }
        if line.hasPrefix("RssAnon") { own = kibibytes * 1024 } else { shared += kibibytes * 1024 }
      }
      return own.map { ($0, shared) }
    #else
      return peakResidentBytes(of: pid).map { ($0, 0) }
    #endif
  }
}
