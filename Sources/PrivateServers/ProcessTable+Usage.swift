internal import Foundation

#if canImport(Darwin)
  internal import Darwin
#elseif canImport(Glibc)
  internal import Glibc
#endif

/// The resource usage of other processes, as the system accounts for it. Nil for one that has ended.
extension ProcessTable {
  /// User and system time since its start, including children that have ended and were collected.
  package static func cpuSeconds(of pid: Int32) -> Double? {
    #if os(Linux)
      // Fields 14 to 17 in the manual's numbering: user, system, and the children's.
      return seconds(in: "/proc/\(pid)/stat", fields: 4)
    #else
      guard let usage = usage(of: pid) else { return nil }
      var base = mach_timebase_info()
      mach_timebase_info(&base)
      let units = Double(usage.ri_user_time + usage.ri_system_time)
      return units * Double(base.numer) / Double(base.denom) / 1e9
    #endif
  }

  /// The same of the thread that it began with; nil where the system does not say.
  package static func mainThreadSeconds(of pid: Int32) -> Double? {
    #if os(Linux)
      return seconds(in: "/proc/\(pid)/task/\(pid)/stat", fields: 2)
    #else
      return nil
    #endif
  }

  #if os(Linux)
    /// - Parameter count: of the fields from the 14th on.
    private static func seconds(in file: String, fields count: Int) -> Double? {
      guard let text = try? String(contentsOfFile: file, encoding: .isoLatin1),
        let end = text.lastIndex(of: ")")
      else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ").dropFirst(11).prefix(count)
      let ticks = fields.compactMap { Double($0) }
      guard ticks.count == count else { return nil }
      return ticks.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
  #endif

  /// Its highest resident memory (shared pages included), in bytes.
  package static func peakResidentBytes(of pid: Int32) -> Int? {
    #if os(Linux)
      guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .isoLatin1),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
          Int($0)
        })
      else { return nil }
      return kibibytes * 1024
    #else
      return usage(of: pid).map { Int(clamping: $0.ri_lifetime_max_phys_footprint) }
    #endif
  }

  #if canImport(Darwin)
    private static func usage(of pid: Int32) -> rusage_info_v4? {
      var usage = rusage_info_v4()
      let status = withUnsafeMutablePointer(to: &usage) {
        $0.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
          proc_pid_rusage(pid, RUSAGE_INFO_V4, $0)
        }
      }
      return status == 0 ? usage : nil
    }
  #endif
}
