import EventLoop
import Foundation
package import TestSupport

/// A number of inputs for one target.
package struct FuzzRun: Sendable {
  package let target: FuzzTarget
  package let seed: UInt64
  private let mutator: Mutator

  /// An input that broke a property, and how to see it again.
  package struct Finding: Error, CustomStringConvertible {
    package let target: String
    package let seed: UInt64
    package let number: Int
    package let input: [UInt8]
    package let problem: String

    package var description: String {
      """
      \(target): \(problem)
        seed \(seed), input \(number): scripts/fuzz --target \(target) --seed \(seed) --from \(number) --inputs 1
        \(FuzzRun.shown(input))
      """
    }
  }

  package struct Result: Sendable {
    package var inputs = 0
    /// How many were taken: a fuzzer whose inputs are all refused at their first byte finds nothing.
    package var taken = 0
  }

  /// - Parameter corpus: a folder with a folder for each target.
  package init(_ target: FuzzTarget, corpus: String, seed: UInt64) throws {
    (self.target, self.seed) = (target, seed)
    mutator = Mutator(
      corpus: target.seeds + (try FuzzRun.files(in: corpus + "/" + target.name)), tokens: target.tokens,
      maximumLength: target.maximumLength)
  }

  private static func files(in folder: String) throws -> [[UInt8]] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
      guard let data = FileManager.default.contents(atPath: folder + "/" + name) else {
        throw BrokenProperty("cannot read \(folder)/\(name)")
      }
      return [UInt8](data)
    }
  }

  /// The input of that number: always the same for a seed.
  package func input(_ number: Int) -> (bytes: [UInt8], random: SeededGenerator) {
    var random = SeededGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
    let bytes = mutator.input(&random)
    return (bytes, random)
  }

  /// Reads inputs one after the other.
  ///
  /// - Parameter watch: called before each input, so that whoever sees a trap or a hang knows what was read.
  /// - Throws: `Finding`.
  package func run(_ numbers: Range<Int>, watch: (Int, [UInt8]) -> Void = { _, _ in }) throws -> Result {
    var result = Result()
    let memory = FuzzMemory()
    for number in numbers {
      var (bytes, random) = input(number)
      watch(number, bytes)
      do {
        if try target.read(bytes, &random) { result.taken += 1 }
        result.inputs += 1
        if result.inputs % 10_000 == 0 { try memory.check() }
      } catch {
        throw Finding(
          target: target.name, seed: seed, number: number, input: bytes, problem: "\(error)")
      }
    }
    return result
  }

  /// Bytes as a person can read them and a program can read them back.
  package static func shown(_ input: [UInt8]) -> String {
    let text = input.map { byte in
      (32...126).contains(byte) && byte != 92
        ? String(UnicodeScalar(byte)) : "\\x" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
    return "\(input.count) bytes: " + text.joined()
  }
}

/// Whether a run keeps what it should have given back.
private struct FuzzMemory {
  /// Generous: what a sanitizer keeps of freed memory, and caches that fill once.
  private static let growthAtMost = 512 << 20
  private let atStart = ProcessUsage.residentBytes

  func check() throws {
    let growth = ProcessUsage.residentBytes - atStart
    if growth > FuzzMemory.growthAtMost { throw BrokenProperty("memory grew by \(growth >> 20) MiB") }
  }
}
