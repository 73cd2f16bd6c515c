internal import Csodium

/// The few functions of libsodium that the project uses.
package enum Sodium {
  /// Initialises libsodium once per process. If that fails, the system provides no random numbers and the
  /// process ends.
  private static let ready: Bool = sodium_init() >= 0

  package static func prepare() { precondition(ready, "libsodium found no source of random numbers") }

  /// BLAKE2b of `input`, `count` (16…64) bytes long; an empty key means no key.
  package static func hash(_ input: [UInt8], key: [UInt8], count: Int) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: count)
    let code = crypto_generichash(&output, count, input, UInt64(input.count), key, key.count)
    precondition(code == 0, "a hash of impossible sizes")
    return output
  }

  /// The same, 128 bits long, without heap allocation.
  package static func hash128(_ input: [UInt8], key: [UInt8]) -> (UInt64, UInt64) {
    input.withUnsafeBufferPointer { hash128($0, key: key) }
  }

  /// The same.
  package static func hash128(_ input: UnsafeBufferPointer<UInt8>, key: [UInt8]) -> (UInt64, UInt64) {
    var words: (UInt64, UInt64) = (0, 0)
    let code = withUnsafeMutablePointer(to: &words) {
      $0.withMemoryRebound(to: UInt8.self, capacity: 16) {
        crypto_generichash($0, 16, input.baseAddress, UInt64(input.count), key, key.count)
      }
    }
    precondition(code == 0, "a hash of impossible sizes")
    return (UInt64(bigEndian: words.0), UInt64(bigEndian: words.1))
  }

  package static func randomBytes(_ count: Int) -> [UInt8] {
    prepare()
    var output = [UInt8](repeating: 0, count: count)
    randombytes_buf(&output, count)
    return output
  }

  package static func randomWords(_ count: Int) -> [UInt64] {
    prepare()
    var output = [UInt64](repeating: 0, count: count)
    randombytes_buf(&output, count * MemoryLayout<UInt64>.size)
    return output
  }

  /// Takes the same time for equal and for different arrays of the same length.
  package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && sodium_memcmp(a, b, a.count) == 0
  }

  /// The library's version, as `1.0.18`.
  package static var version: String { String(cString: sodium_version_string()) }
}
