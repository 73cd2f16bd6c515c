import Foundation

/// A file that is there in whole or not at all.
package enum WholeFile {
  package static func write(_ text: String, to path: String) throws { try write(Data(text.utf8), to: path) }

  /// As JSON for people and for comparisons: indented, with sorted keys.
  package static func write(json value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(try encoder.encode(value) + Data("\n".utf8), to: path)
  }

  private static func write(_ data: Data, to path: String) throws {
    try data.write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
