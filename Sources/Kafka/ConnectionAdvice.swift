internal import Crdkafka

/// What to do about a connection that fails: the setting to look at, in the words of the programs.
enum ConnectionAdvice {
  /// By words of the library's line; the first that fits.
  private static let known: KeyValuePairs<String, String> = [
    "/bootstrap: Failed to resolve": "check KAFKA_BROKERS",
    "Failed to resolve":
      "the brokers send their clients there: give them an advertised.listeners that resolves here",
    "SASL authentication error":
      "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM",
    "mechanism handshake failed": "KAFKA_SASL_MECHANISM must be one that the broker has",
    "supported mechanisms": "KAFKA_SASL_MECHANISM must be one that the broker has",
    "alert bad certificate": ownCertificate, "alert certificate": ownCertificate,
    "certificate required": ownCertificate, "alert unknown ca": ownCertificate,
    "client SSL authentication might be required": ownCertificate,
    "not made out to": "KAFKA_BROKERS and advertised.listeners must use a name that is in it",
    "has expired": "renew it",
    "certificate verify failed": "check KAFKA_CA",
    "unexpected eof while reading": "check KAFKA_SECURITY_PROTOCOL: the broker may not speak TLS there",
    "SSL listener?": "check KAFKA_SECURITY_PROTOCOL",
    "PLAINTEXT broker listener?": "check KAFKA_SECURITY_PROTOCOL",
  ]
  private static let ownCertificate =
    "the broker wants a certificate of this program that it believes: check KAFKA_CERT and KAFKA_KEY"

  /// - Parameter version: of the library, as `0x020002ff`.
  static func of(_ failure: String, version: Int32 = rd_kafka_version()) -> String? {
    guard let advice = known.first(where: { failure.contains($0.key) })?.value else { return nil }
    // Until 2.6.1 the library repeats its nonce in its last message (librdkafka#4895). Kafka 4 refuses that, with the words
    // for a wrong password.
    guard version < 0x0206_01ff, failure.contains("SASL authentication error"), failure.contains("SCRAM")
    else { return advice }
    return advice
      + "; Kafka 4.0 and later refuse the SCRAM of librdkafka before 2.6.1 like a wrong password, and this is "
      + KafkaConfiguration.libraryVersion
  }
}

/// Why a broker's certificate is not believed, by the number that OpenSSL gives it (`X509_V_ERR_…`).
enum CertificateObjection: Hashable, Sendable, CustomStringConvertible {
  case expired
  case notYetValid
  case unknownAuthority
  case anotherName
  case other(Int32)

  init(code: Int32) {
    self =
      switch code {
      case 10: .expired
      case 9: .notYetValid
      case 2, 18, 19, 20, 21: .unknownAuthority
      case 62, 64: .anotherName
      default: .other(code)
      }
  }

  var description: String {
    switch self {
    case .expired: "the broker's certificate, or its authority's, has expired"
    case .notYetValid: "the broker's certificate, or its authority's, is not valid yet; or the clock is wrong"
    case .unknownAuthority:
      "nobody in KAFKA_CA, or among the system's authorities, has signed the broker's certificate"
    case .anotherName: "the broker's certificate is not made out to this host"
    case .other(let code): "the broker's certificate is not valid (X509 error \(code))"
    }
  }
}
