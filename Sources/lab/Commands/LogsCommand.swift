import EventLoop
import Foundation
import Laboratory
import Terminal

extension LabCommand {
  static let logs = LabCommand(
    "logs", "print the logs of servers and programs", usage: "[-f] [--lines N] [NAME…]",
    options: [
      ("NAME", LabPart.allCases.map(\.rawValue).joined(separator: ", ") + "; without a name, all of them"),
      ("-f", "follow new lines until Ctrl-C"),
      ("--lines N", "the last N lines of each; 20"),
    ]
  ) { arguments, folder in
    let names = LabPart.allCases.map(\.rawValue).joined(separator: ", ")
    let follow = arguments.flag("-f", "--follow")
    let count = try arguments.number("--lines", in: 0...1_000_000) ?? 20
    let parts = try arguments.positionals().map { name in
      guard let part = LabPart(rawValue: name) else {
        throw UsageError("unknown part “\(name)”: use one of \(names)")
      }
      return part
    }
    try arguments.finish()
    let asked = parts.isEmpty ? LabPart.allCases : parts
    var tails = asked.filter { follow || FileManager.default.fileExists(atPath: folder.log(of: $0)) }
      .map { LogTail(name: $0.rawValue, path: folder.log(of: $0), showsName: asked.count > 1) }
    guard !tails.isEmpty else { throw LabFailure("there are no logs in \(folder.logs)") }
    for index in tails.indices { tails[index].showLast(count) }
    guard follow else { return 0 }
    let interrupt = Interrupt.shared
    while !interrupt.hasCome {
      for index in tails.indices { tails[index].showNew() }
      Terminal.lookForReader()
      await EventLoop.shared.sleep(for: .milliseconds(200))
    }
    return 0
  }
}

/// A log file that is read as it grows, by whole lines.
struct LogTail {
  let name: String
  let path: String
  let showsName: Bool
  private(set) var offset: UInt64 = 0

  private static let biteSize = 1 << 20

  mutating func showLast(_ count: Int) {
    guard let file = FileHandle(forReadingAtPath: path), let end = try? file.seekToEnd() else { return }
    let start = end > UInt64(LogTail.biteSize) ? end - UInt64(LogTail.biteSize) : 0
    guard (try? file.seek(toOffset: start)) != nil, let data = try? file.readToEnd() else { return }
    offset = start
    show(data, last: count)
  }

  mutating func showNew() {
    guard let file = FileHandle(forReadingAtPath: path), let end = try? file.seekToEnd() else { return }
    if end < offset { offset = 0 }
    guard end > offset, (try? file.seek(toOffset: offset)) != nil,
      let data = try? file.read(upToCount: LogTail.biteSize)
    else { return }
    show(data, last: Int.max)
  }

  private mutating func show(_ data: Data, last count: Int) {
    guard let end = data.lastIndex(of: UInt8(ascii: "\n")) else { return }
    let whole = data[...end]
    offset += UInt64(whole.count)
    let lines = whole.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for line in lines.suffix(count) {
      Terminal.line((showsName ? "\(name)  " : "") + String(decoding: line, as: UTF8.self))
    }
  }
}
