package import TestSupport

/// A property that an input broke.
package struct BrokenProperty: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// One reader of bytes that others send or write.
package struct FuzzTarget: Sendable {
  package let name: String
  /// What inputs begin with beside the files of the corpus' folder of that name.
  let seeds: [[UInt8]]
  let tokens: [String]
  let maximumLength: Int
  /// Reads the input, checks what must hold whatever it is, and says whether it was taken. Traps, hangs and memory are
  /// the runner's to notice. The generator decides where the input is cut into pieces.
  package let read: @Sendable (_ input: [UInt8], _ random: inout SeededGenerator) throws -> Bool

  package init(
    _ name: String, seeds: [[UInt8]] = [], tokens: [String] = [], maximumLength: Int = 4_096,
    read: @escaping @Sendable (_ input: [UInt8], _ random: inout SeededGenerator) throws -> Bool
  ) {
    (self.name, self.seeds, self.tokens) = (name, seeds, tokens)
    (self.maximumLength, self.read) = (maximumLength, read)
  }

  package static let all = [
    httpRequests, httpAnswers, logEntries, redisReplies, operatorBodies, settings, scenarios, histories,
    plainHistories,
  ]
}

extension Array {
  /// Cut at some places.
  func pieces(_ random: inout SeededGenerator) -> [ArraySlice<Element>] {
    var pieces: [ArraySlice<Element>] = []
    var rest = self[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...Swift.max(1, Swift.min(rest.count, 200)), using: &random))
      pieces.append(piece)
      rest = rest[piece.endIndex...]
    }
    return pieces
  }
}
