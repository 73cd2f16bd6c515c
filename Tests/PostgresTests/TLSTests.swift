import EventLoop
import Postgres
import PrivateServers
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `sslmode` in the URL, which libpq reads: a server with `ssl = on` and a certificate of its own making.
@Suite(.serialized, .limited, .enabled(if: TestCertificates.canBeMade, "no openssl is installed"))
struct TLSTests {
  @Test func theCertificateIsCheckedAsTheURLSays() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let certificates = try await TestCertificates.make(key: geteuid() == 0 ? .named("postgres") : nil)
      let before = await complaint("\(server.url)?sslmode=verify-full&sslrootcert=\(certificates.authority)")
      #expect(before.contains("server does not support SSL"), "\(before)")
      try await encrypt(server, with: certificates)

      let right = "sslmode=verify-full&sslrootcert=\(certificates.authority)"
      #expect(await complaint("\(server.url)?\(right)") == "encrypted")
      let byName = server.url.replacing("127.0.0.1", with: "localhost")
      #expect(await complaint("\(byName)?\(right)") == "encrypted")
      #expect(await complaint("\(server.url)?sslmode=disable") == "plain")

      let wrongAuthority = await complaint(
        "\(server.url)?sslmode=verify-full&sslrootcert=\(certificates.otherAuthority)")
      #expect(wrongAuthority.contains("certificate verify failed"), "\(wrongAuthority)")
      let noAuthority = await complaint("\(server.url)?sslmode=verify-full&sslrootcert=/nowhere/ca.pem")
      #expect(noAuthority.contains("/nowhere/ca.pem"), "\(noAuthority)")
      for said in [before, wrongAuthority, noAuthority] {
        #expect(!said.contains("\n") && !said.contains(password(of: server)), "\(said)")
      }
      await server.stop()
    }
  }

  /// Another name than the one in the certificate.
  @Test func theNameIsChecked() async throws {
    try await onLoop {
      let server = try await TestServers.ownPostgres()
      let certificates = try await TestCertificates.make(
        for: "DNS:elsewhere.example", key: geteuid() == 0 ? .named("postgres") : nil)
      try await encrypt(server, with: certificates)
      let rest = "&sslrootcert=\(certificates.authority)"
      #expect(await complaint("\(server.url)?sslmode=verify-ca\(rest)") == "encrypted")
      let said = await complaint("\(server.url)?sslmode=verify-full\(rest)")
      #expect(said.contains("does not match host name"), "\(said)")
      await server.stop()
    }
  }

  @LoopActor
  private func encrypt(_ server: PrivatePostgres, with certificates: TestCertificates) async throws {
    let owner = try makePool(server, size: 1)
    for (setting, value) in [
      ("ssl_cert_file", certificates.certificate), ("ssl_key_file", certificates.key), ("ssl", "on"),
    ] {
      _ = try await owner.query(
        PostgresStatement("ALTER SYSTEM SET \(setting) = '\(value)'"), deadline: .soon)
    }
    _ = try await owner.query(PostgresStatement("SELECT pg_reload_conf()"), deadline: .soon)
    try await owner.until("SELECT current_setting('ssl') = 'on'")
    await owner.close()
  }

  @LoopActor private func password(of server: PrivatePostgres) -> String {
    String(server.url.split(separator: ":")[2].prefix { $0 != "@" })
  }

  /// Whether this URL leads to an encrypted connection, or why to none.
  @LoopActor
  private func complaint(_ url: String) async -> String {
    do {
      let pool = try makePool(url, size: 1)
      defer { EventLoop.shared.spawn { await pool.close() } }
      let rows = try await pool.query(
        PostgresStatement("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), deadline: .soon)
      return rows.bool(0, 0) == true ? "encrypted" : "plain"
    } catch { return "\(error)" }
  }
}
