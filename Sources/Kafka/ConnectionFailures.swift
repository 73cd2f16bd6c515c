internal import Crdkafka
internal import EventLoop
internal import Synchronization

/// Why a client's connections failed lately, by broker: the address, and what the system or the broker said.
///
/// The errors of the library's calls say no more than "broker transport failure"; a wrong password, a name that does not
/// resolve and a port that speaks TLS are in its log lines alone. They come on its own threads.
final class ConnectionFailures: Sendable {
  private struct Failure {
    var text: String
    var at: Instant
  }

  private let latest = Mutex<[String: Failure]>([:])

  /// The library repeats a line after half a minute; what it says no more is over.
  private static let memory = Duration.seconds(60)
  private static let mostBrokers = 16

  /// Nil without a failure.
  var text: String? {
    let now = Instant.now
    let texts = latest.withLock { $0.values.filter { now - $0.at <= Self.memory }.map(\.text) }
    return texts.isEmpty ? nil : texts.sorted().prefix(3).joined(separator: "; ")
  }

  /// Why certificates were not believed, by the broker's host and port, until its connection fails of it.
  private let objections = Mutex<[String: CertificateObjection]>([:])

  func take(line: String) {
    // An idle connection has ended, or the broker has: it was in use before, so nothing is wrong with how it is made.
    guard !line.contains(" in state UP") || !line.contains("Disconnected") else { return }
    var text = Self.cause(line)
    if let objection = objection(to: text) { text += ": " + objection.description }
    if let advice = ConnectionAdvice.of(text) { text += " (\(advice))" }
    guard let broker = text.split(separator: " ").first.map(String.init) else { return }
    latest.withLock { latest in
      guard latest[broker] != nil || latest.count < Self.mostBrokers else { return }
      latest[broker] = Failure(text: text, at: .now)
    }
  }

  private func objection(to failure: String) -> CertificateObjection? {
    guard failure.contains("certificate verify failed") else { return nil }
    return objections.withLock { objections in
      let broker = objections.keys.first { failure.contains($0) }
      return broker.flatMap { objections.removeValue(forKey: $0) }
    }
  }

  /// The library's own words say that a certificate could not be verified, and not why.
  private func object(to broker: String, _ objection: CertificateObjection) {
    objections.withLock { objections in
      if objections[broker] != nil || objections.count < Self.mostBrokers { objections[broker] = objection }
    }
  }

  /// A line without what changes from one attempt to the next: the thread, the address that a name was resolved to, the
  /// time since then.
  static func cause(_ line: String) -> String {
    var text = line[...]
    if text.hasPrefix("[thrd:"), let end = text.firstRange(of: "]: ") { text = text[end.upperBound...] }
    if let end = text.firstRange(of: " (after ") { text = text[..<end.lowerBound] }
    let words = text.split(separator: " ").filter { !$0.hasPrefix("ipv4#") && !$0.hasPrefix("ipv6#") }
    return words.joined(separator: " ").replacing("Connect to failed", with: "Connect failed")
  }

  /// For the library: each failed connection, from any thread. That a port speaks TLS or that a broker wants a login looks
  /// to the library like an idle connection's end, and has that level (6).
  func attach(to conf: OpaquePointer) {
    rd_kafka_conf_set_opaque(conf, Unmanaged.passRetained(self).toOpaque())
    rd_kafka_conf_set_log_cb(conf) { client, _, facility, text in
      guard let facility, String(cString: facility) == "FAIL" else { return }
      guard let client, let text, let owner = rd_kafka_opaque(client) else { return }
      Unmanaged<ConnectionFailures>.fromOpaque(owner).takeUnretainedValue().take(line: String(cString: text))
    }
    // Believes what OpenSSL believes, and nothing else.
    rd_kafka_conf_set_ssl_cert_verify_cb(conf) { _, name, _, verdict, _, _, _, _, _, owner in
      guard let verdict, verdict.pointee != 0 else { return verdict == nil ? 0 : 1 }
      guard let owner, let name else { return 0 }
      Unmanaged<ConnectionFailures>.fromOpaque(owner).takeUnretainedValue()
        .object(to: String(cString: name), CertificateObjection(code: verdict.pointee))
      return 0
    }
  }

  /// After the client was destroyed, or never made.
  func detach() { Unmanaged.passUnretained(self).release() }
}
