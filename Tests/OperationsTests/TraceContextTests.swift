import Operations
import TestSupport
import Testing

@Suite(.limited) struct TraceContextTests {
  private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test func aValidHeaderIsKeptAsItIs() {
    #expect(TraceContext(Self.valid)?.description == Self.valid)
  }

  @Test func aLaterVersionIsReadAsTheFirst() {
    let later = "cc" + Self.valid.dropFirst(2)
    #expect(TraceContext(later)?.description == Self.valid)
    #expect(TraceContext(later + "-what-comes-later")?.description == Self.valid)
    #expect(TraceContext(later + "x") == nil)
  }

  @Test(arguments: [
    "", "00", Self.valid + "-x", Self.valid.uppercased(), "ff" + Self.valid.dropFirst(2), " " + Self.valid,
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
  ])
  func othersAreRefused(header: String) {
    #expect(TraceContext(header) == nil)
  }

  @Test func generatedOnesAreValid() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<100 {
      let made = TraceContext.random(using: &generator)
      #expect(TraceContext(made.description) == made)
    }
  }
}
