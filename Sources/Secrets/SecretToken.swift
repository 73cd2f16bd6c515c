/// A secret that callers must present, such as `ADMIN_TOKEN`. A comparison takes the same time wherever the
/// texts differ.
package struct SecretToken: Sendable, CustomStringConvertible {
  private let key: [UInt8]
  private let digest: [UInt8]

  package init(_ secret: String) {
    key = Sodium.randomBytes(32)
    digest = Sodium.hash(Array(secret.utf8), key: key, count: 32)
  }

  /// Compares hashes, so that the time does not reveal the secret's length either.
  package func matches(_ candidate: some StringProtocol) -> Bool {
    Sodium.areEqual(digest, Sodium.hash(Array(candidate.utf8), key: key, count: 32))
  }

  package var description: String { "(secret)" }
}
