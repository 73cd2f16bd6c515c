internal import Foundation

/// The memory of the processes of one server. Nil for a process that has ended.
extension ProcessTable {
  /// The process and its descendants; cheaper than `descendants` if the system lists children.
  package static func family(of pid: Int32) -> [Int32] {
    #if os(Linux)
      if let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .isoLatin1) {
        return [pid] + text.split(separator: " ").compactMap { Int32($0) }.flatMap { family(of: $0) }
      }
    #endif
    return [pid] + descendants(of: pid)
  }

  /// Resident memory now, in bytes: private, and shared with others (files and shared memory).
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
