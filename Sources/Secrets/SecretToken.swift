/// A secret that callers must show, such as `ADMIN_TOKEN`: compared in a time that says nothing about where
/// it differs.
package struct SecretToken: Sendable, CustomStringConvertible {
  private let key: [UInt8]
  private let digest: [UInt8]

  package init(_ secret: String) {
    key = Sodium.randomBytes(32)
    digest = Sodium.hash(Array(secret.utf8), key: key, count: 32)
  }

  /// The hashes are compared, so that the length of the secret does not show either.
  package func matches(_ candidate: some StringProtocol) -> Bool {
    Sodium.areEqual(digest, Sodium.hash(Array(candidate.utf8), key: key, count: 32))
  }

  package var description: String { "(secret)" }
}
