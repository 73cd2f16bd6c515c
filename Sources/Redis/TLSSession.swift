internal import COpenSSL
internal import EventLoop

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What all sessions with the same authorities share: reading and parsing them takes the loop's time, and a lost cluster is
/// connected to again and again.
final class TLSContext {
  /// Of a file: another one means that it was written anew.
  private struct Stamp: Hashable {
    let size: Int
    let seconds: Int
    let nanoseconds: Int

    init?(_ file: String) {
      var status = stat()
      guard stat(file, &status) == 0 else { return nil }
      #if canImport(Glibc)
        let modified = status.st_mtim
      #else
        let modified = status.st_mtimespec
      #endif
      size = Int(status.st_size)
      (seconds, nanoseconds) = (Int(modified.tv_sec), Int(modified.tv_nsec))
    }
  }

  /// By the file of the authorities.
  @LoopActor private static var known: [String?: (stamp: Stamp?, context: TLSContext)] = [:]

  fileprivate let pointer: OpaquePointer

  /// - Parameter authorities: a PEM file; nil: the system's. Read again only when its date or size has changed.
  @LoopActor
  static func shared(authorities: String?) throws(TLSSession.Failure) -> TLSContext {
    let stamp = Stamp(authorities ?? String(cString: X509_get_default_cert_file()))
    if let found = known[authorities], found.stamp == stamp { return found.context }
    let context = try TLSContext(authorities)
    known[authorities] = (stamp, context)
    return context
  }

  private init(_ authorities: String?) throws(TLSSession.Failure) {
    ERR_clear_error()
    guard let pointer = SSL_CTX_new(TLS_client_method()) else {
      throw TLSSession.failure("TLS cannot be used")
    }
    self.pointer = pointer
    guard timeattack_tls_at_least_1_2(pointer) == 1 else {
      throw TLSSession.failure("TLS 1.2 cannot be used")
    }
    timeattack_tls_refuse_renegotiation(pointer)
    if let authorities {
      guard SSL_CTX_load_verify_file(pointer, authorities) == 1 else {
        throw TLSSession.failure("no authorities can be read in \(authorities)")
      }
    } else if SSL_CTX_set_default_verify_paths(pointer) != 1 {
      throw TLSSession.failure("the system's authorities cannot be read")
    }
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
  }

  /// A session keeps it alive by itself.
  deinit { SSL_CTX_free(pointer) }
}

/// One TLS session of a client, in memory: it is fed what the socket has received, and says what the socket is to send. It knows
/// no socket and never waits.
///
///     handshaking ──the server's certificate holds──▶ established ──▶ closed
///          └───────────────────────failed────────────────▲
///
/// The certificate must be signed by one of the authorities and be made out to the host that was named, a name or an address.
/// TLS 1.2 or later.
final class TLSSession {
  /// Why there is no session; it holds no secrets.
  struct Failure: Error {
    let reason: String
  }

  private let session: OpaquePointer
  /// The session owns both.
  private let input: OpaquePointer
  private let output: OpaquePointer
  private(set) var isEstablished = false
  private(set) var isClosed = false

  init(host: String, context: TLSContext) throws(Failure) {
    ERR_clear_error()
    guard let session = SSL_new(context.pointer), let input = BIO_new(BIO_s_mem()),
      let output = BIO_new(BIO_s_mem())
    else { throw Self.failure("out of memory") }
    timeattack_bio_is_never_at_its_end(input)
    timeattack_bio_is_never_at_its_end(output)
    SSL_set_bio(session, input, output)
    SSL_set_connect_state(session)
    (self.session, self.input, self.output) = (session, input, output)
    guard expect(host) else { throw Failure(reason: "\(host) cannot be looked for in a certificate") }
  }

  deinit { SSL_free(session) }

  /// An address has no name to ask for (SNI), and stands in a certificate as an address.
  private func expect(_ host: String) -> Bool {
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1 { return true }
    return timeattack_tls_set_name(session, host) == 1 && SSL_set1_host(session, host) == 1
  }

  /// Goes on with the handshake.
  func shakeHands() throws(Failure) {
    ERR_clear_error()
    let result = SSL_do_handshake(session)
    if result == 1 {
      isEstablished = true
      return
    }
    guard SSL_get_error(session, result) == SSL_ERROR_WANT_READ else { throw refusal() }
  }

  /// What the socket has received.
  func received(_ bytes: UnsafeRawBufferPointer) {
    // Memory takes everything.
    _ = BIO_write(input, bytes.baseAddress, Int32(bytes.count))
  }

  /// The next bytes that the server has said; 0: none yet, or `isClosed`.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    ERR_clear_error()
    let count = SSL_read(session, buffer.baseAddress, Int32(buffer.count))
    if count > 0 { return Int(count) }
    switch SSL_get_error(session, count) {
    case SSL_ERROR_WANT_READ: return 0
    case SSL_ERROR_ZERO_RETURN:
      isClosed = true
      return 0
    default: throw refusal()
    }
  }

  /// Encrypts what is to be said; only when established.
  func write(_ bytes: [UInt8]) throws(Failure) {
    ERR_clear_error()
    guard !bytes.isEmpty else { return }
    var written = 0
    let result = bytes.withUnsafeBytes { SSL_write_ex(session, $0.baseAddress, $0.count, &written) }
    guard result == 1, written == bytes.count else { throw refusal() }
  }

  /// Appends what the socket is to send.
  func takeOutput(into bytes: inout [UInt8]) {
    let count = timeattack_bio_pending(output)
    guard count > 0 else { return }
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count))
    bytes.withUnsafeMutableBytes { buffer in
      _ = BIO_read(output, buffer.baseAddress.map { $0 + start }, Int32(count))
    }
  }

  // MARK: - What went wrong

  private func refusal() -> Failure {
    let verdict = SSL_get_verify_result(session)
    if verdict != X509_V_OK {
      let words = String(cString: X509_verify_cert_error_string(verdict))
      return Failure(reason: "the server's certificate is not accepted: \(words)")
    }
    return Self.failure(isEstablished ? "TLS failed" : "no TLS session with the server")
  }

  fileprivate static func failure(_ context: String) -> Failure {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let words = ERR_reason_error_string(code) else { return Failure(reason: context) }
    let reason = String(cString: words)
    // What the library makes of a server's plain text.
    let hint = reason == "wrong version number" ? " (does the server speak TLS?)" : ""
    return Failure(reason: "\(context): \(reason)\(hint)")
  }
}
