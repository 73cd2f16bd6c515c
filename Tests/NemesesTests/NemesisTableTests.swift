import Nemeses
import TestSupport
import Testing

@Suite(.limited) struct NemesisTableTests {
  @Test func everyNemesisOfTheInvariantsIsThereOnceAndInOrder() {
    #expect(Nemesis.all.map(\.name) == (1...16).map { "N\($0)" })
    #expect(Nemesis.named("n7")?.name == "N7")
    #expect(Nemesis.named("N17") == nil)
  }

  @Test func allOfThemTogetherFitIntoTenMinutesWithTheirLaboratories() {
    let perLaboratory = 15.0
    #expect(Nemesis.all.map { $0.seconds + perLaboratory }.reduce(0, +) < 600)
  }
}
