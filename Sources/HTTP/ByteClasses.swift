/// Which bytes are allowed where: one table of 256 entries, with a bit for each place.
///
/// Unchecked Sendable because the table is written once, by its initialiser, then only read, and never freed.
struct ByteClasses: @unchecked Sendable {
  /// A method's or a header name's (RFC 9110, 5.6.2).
  static let token: UInt8 = 1
  /// A target's: visible ASCII that does not begin a fragment.
  static let target: UInt8 = 2
  /// A host's: a name, an address, a port; no byte that begins a path, a query or user information.
  static let host: UInt8 = 4

  static let shared = ByteClasses()

  private let table: UnsafePointer<UInt8>

  private init() {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    table.initialize(repeating: 0, count: 256)
    for byte in UInt8(0x21)...0x7e { table[Int(byte)] = Self.target | Self.host }
    for byte in "/?#@\\,".utf8 { table[Int(byte)] &= ~Self.host }
    table[Int(UInt8(ascii: "#"))] &= ~Self.target
    for byte in "!#$%&'*+-.^_`|~0123456789".utf8 { table[Int(byte)] |= Self.token }
    for letter in UInt8(0x61)...0x7a {
      table[Int(letter)] |= Self.token
      table[Int(letter - 0x20)] |= Self.token
    }
    self.table = UnsafePointer(table)
  }

  @inline(__always)
  func contains(_ byte: UInt8, _ place: UInt8) -> Bool { table[Int(byte)] & place != 0 }

  /// The first byte in `from..<to` that is not allowed in that place, or `to`.
  @inline(__always)
  func end(of place: UInt8, _ base: UnsafeRawPointer, from: Int, to: Int) -> Int {
    var index = from
    while index < to, contains(base.load(fromByteOffset: index, as: UInt8.self), place) { index &+= 1 }
    return index
  }
}
