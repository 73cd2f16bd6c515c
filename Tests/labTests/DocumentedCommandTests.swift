import EventLoop
import Foundation
import TestSupport
import Testing

/// Every command of the documents is one that `lab` understands.
@Suite(.limited) struct DocumentedCommandTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The calls of `lab` in the `sh` blocks of a document, each as its words.
  private static func calls(in document: String) throws -> [[String]] {
    let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
    return text.matches(of: /```sh\n([\s\S]*?)```/).flatMap { block -> [[String]] in
      block.output.1.split(separator: "\n").flatMap { labCalls(String($0)) }
    }
  }

  private static func labCalls(_ line: String) -> [[String]] {
    let commands = line.replacing(/(^|\s)#\s.*$/, with: "").split(separator: /;|&&|\||\$\(|\)/)
    let calls: [[String]] = commands.map { $0.split(separator: " ").map(String.init) }
    return calls.filter { $0.first == "lab" || $0.first?.hasSuffix("/lab") == true }.map {
      Array($0.dropFirst())
    }
  }

  @Test func labKnowsWhatTheDocumentsCall() async throws {
    let files = FileManager.default
    let experiments = try files.contentsOfDirectory(atPath: Self.root.appending(path: "experiments").path)
      .map { $0.hasSuffix(".md") ? "experiments/\($0)" : "experiments/\($0)/README.md" }
      .filter { files.fileExists(atPath: Self.root.appending(path: $0).path) }
    let calls = Set(try (["README.md"] + experiments).flatMap(Self.calls))
    #expect(calls.count > 30)
    try await onLoop {
      let lab = try LabProcess()
      var helps: [String: String] = [:]
      for call in calls {
        guard let command = call.first else { continue }
        if command == "--help" { continue }
        if helps[command] == nil {
          let (code, text) = try await lab.run(command, "--help")
          #expect(code == 0, "there is no lab \(command)")
          helps[command] = text
        }
        let help = helps[command] ?? ""
        for word in call.dropFirst() where word != "--help" {
          if word.hasPrefix("-") {
            #expect(
              help.contains("\(word) ") || help.contains("\(word)]") || help.contains("\(word)\n"),
              "lab \(call.joined(separator: " "))")
          } else if word.hasPrefix("experiments/") {
            #expect(
              FileManager.default.fileExists(atPath: Self.root.appending(path: "\(word)/scenario.yaml").path),
              "\(word)")
          }
        }
      }
    }
  }
}
