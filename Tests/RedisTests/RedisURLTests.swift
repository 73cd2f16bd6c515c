import Redis
import TestSupport
import Testing

@Suite(.limited) struct RedisURLTests {
  @Test(arguments: [
    ("redis://localhost", "localhost", 6379, 0), ("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3),
    ("redis://:p%40ss@h:1/", "h", 1, 0), ("redis://u:p@[::1]:99", "::1", 99, 0),
  ])
  func reads(url: String, host: String, port: Int, database: Int) throws {
    let read = try RedisConfiguration(url: url)
    #expect((read.host, read.port, read.database) == (host, port, database))
  }

  /// Nodes of a cluster.
  @Test func readsSeveralHosts() throws {
    let read = try RedisConfiguration(url: "redis://me:secret@one,two:7000,[::1]:9")
    #expect(read.addresses == [RedisAddress("one", 6379), RedisAddress("two", 7000), RedisAddress("::1", 9)])
    #expect("\(read)" == "redis://one:6379,two:7000,[::1]:9/0")
  }

  @Test func readsWhetherItIsEncrypted() throws {
    let read = try RedisConfiguration(url: "rediss://:secret@h", authorities: "/ca.pem")
    #expect(read.isEncrypted && read.authorities == "/ca.pem" && "\(read)" == "rediss://h:6379/0")
    #expect(try RedisConfiguration(url: "redis://h", authorities: "/ca.pem").authorities == nil)
  }

  @Test func decodesTheLoginAndNeverShowsIt() throws {
    let read = try RedisConfiguration(url: "redis://me:s%3Acret%2F@h/1")
    #expect(read.user == "me")
    #expect(read.password == "s:cret/")
    #expect(!"\(read)".contains("cret"))
  }

  @Test(arguments: [
    "localhost:6379", "rediss://", "redis://", "redis://h:0", "redis://h:x", "redis://h/one",
    "redis://:a%zz@h",
    "redis://:a%4@h",
  ])
  func refuses(url: String) {
    #expect(throws: InvalidRedisURL.self) { try RedisConfiguration(url: url) }
  }

  /// What other clients understand, or what is only nearly an address, is refused and never ignored.
  @Test(
    arguments: [
      ("redis://h?db=3", "nothing may follow"), ("redis://h/0?timeout=1", "nothing may follow"),
      ("redis://h#3", "nothing may follow"), ("redis://h/0/more", "the database"),
      ("redis://h/+3", "the database"),
      ("redis://one:1,two:2/1", "database 0"), ("redis://one,", "the host"), ("redis://h:+1", "the port"),
      ("redis://h h", "the host"), ("redis://[::1]x", "the host"), ("redis://[::1", "the host"),
      ("redis://a:b:1", "the host"), ("redis://me@h", "a password"), ("redis://h:1 ", "the port"),
      ("redis-sentinel://h", "must begin with redis://"),
    ])
  func refusesWhatItDoesNotUnderstand(url: String, rule: String) {
    let error = #expect(throws: InvalidRedisURL.self) { try RedisConfiguration(url: url) }
    #expect(error?.rule.contains(rule) == true, "\(String(describing: error))")
  }
}
