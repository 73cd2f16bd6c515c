import Experiments
import Figures
import Foundation
import Scenarios
import Terminal

/// What the README says of the demo, from the checked-in reports: nobody writes these figures by hand.
package struct ReadmeTable {
  package enum Language: CaseIterable, Sendable {
    case english, korean

    package var file: String { self == .english ? "README.md" : "README.ko.md" }
  }

  /// The reports, from the root of the project.
  package static let file = "docs/demo/report.json"
  package static let kafkaFile = "docs/demo/report-kafka.json"
  package static let leastRounds = 5

  private static let begin = "<!-- figures of the demo: lab report --readme -->"
  private static let end = "<!-- end of the demo's figures -->"

  private let report: Report
  private let kafka: Report

  /// - Parameters:
  ///   - report: with the log in memory.
  ///   - kafka: the same on a real Kafka.
  /// - Throws: `LabFailure` where a report does not say enough, or both do not describe the same load.
  package init(_ report: Report, kafka: Report) throws {
    (self.report, self.kafka) = (report, kafka)
    for (report, name, broker) in [
      (report, ReadmeTable.file, "embedded"), (kafka, ReadmeTable.kafkaFile, "installed"),
    ] {
      if let objection = ReadmeTable.objection(to: report, broker: broker) {
        throw LabFailure("\(name) \(objection)")
      }
    }
    var (settings, others) = (report.settings, kafka.settings)
    (settings.seed, others.seed) = ("", "")
    guard settings == others, report.columns.map(\.name) == kafka.columns.map(\.name) else {
      throw LabFailure("\(ReadmeTable.file) and \(ReadmeTable.kafkaFile) are of different loads or variants")
    }
  }

  /// Both reports below the root of a checkout.
  package static func read(in root: String) throws -> ReadmeTable {
    try ReadmeTable(
      ReportFiles.read("\(root)/\(file)"), kafka: ReportFiles.read("\(root)/\(kafkaFile)"))
  }

  private static func objection(to report: Report, broker: String) -> String? {
    guard report.passed else { return "is of a demo that was not verified" }
    guard report.rounds >= leastRounds else {
      return "is of \(report.rounds) rounds; the README's figures need \(leastRounds)"
    }
    guard report.columns.contains(where: { $0.name == "eda" }), report.columns.count > 1 else {
      return "is of one architecture alone"
    }
    guard report.versions["broker"] == broker else {
      return "was not made with the \(broker) broker but the \(report.versions["broker"] ?? "unknown") one"
    }
    guard report.commit != "unknown", !report.commit.hasSuffix("+") else {
      return "is of sources that no commit has (\(report.commit)); commit them and run the demo again"
    }
    return nil
  }

  // MARK: - The files

  /// A README with these figures between its marks.
  ///
  /// - Throws: `LabFailure` where the marks are missing.
  package func text(_ readme: String, _ language: Language) throws -> String {
    guard let begin = readme.range(of: ReadmeTable.begin),
      let end = readme.range(of: ReadmeTable.end, range: begin.upperBound..<readme.endIndex)
    else {
      throw LabFailure(
        "\(language.file) has no place for the demo's figures: \(ReadmeTable.begin) and \(ReadmeTable.end)")
    }
    return readme[..<begin.upperBound] + "\n" + markdown(language) + "\n" + readme[end.lowerBound...]
  }

  /// Writes the figures into the READMEs below the root of a checkout.
  package func write(in root: String) throws {
    for language in Language.allCases {
      let path = "\(root)/\(language.file)"
      guard let readme = try? String(contentsOfFile: path, encoding: .utf8) else {
        throw LabFailure("\(path) cannot be read")
      }
      try WholeFile.write(try text(readme, language), to: path)
    }
  }

  // MARK: - What they say

  package func markdown(_ language: Language) -> String {
    let notes = [note(language), unrest(language)].compactMap { $0 }
    return ([head(language), table(language)] + notes).joined(separator: "\n\n")
  }

  private func head(_ language: Language) -> String {
    let (settings, machine) = (report.settings, report.machine)
    let (people, quota) = (Numbers.count(settings.people), Numbers.count(settings.quota))
    let rate = Numbers.decimal(settings.ratePerSecond, digits: 0)
    let versions = ["PostgreSQL", "Redis"].compactMap { name in
      report.versions[name].map { "\(name) \($0.prefix { $0 != " " })" }
    }
    let facts = ([machine.processor, Numbers.bytes(machine.memoryBytes), machine.system] + versions)
      .joined(separator: ", ")
    let runs = report.columns.map(\.runs.count).reduce(0, +)
    switch language {
    case .english:
      return """
        \(people) people, \(quota) coupons, \(rate) people a second at the opening: medians of \(report.rounds) rounds with the
        variants taking turns, the least and the greatest in brackets, at commit `\(report.commit)`
        ([report.json](\(ReadmeTable.file))). All \(runs) runs were verified. The load generator and the servers share
        \(machine.cores) cores: \(facts).
        """
    case .korean:
      return """
        \(people)명, 쿠폰 \(quota)장, 오픈 시점 초당 \(rate)명. 세 방식을 번갈아 \(report.rounds)번씩 실행한 중앙값이며 괄호 안은 최솟값과
        최댓값입니다. 커밋 `\(report.commit)`에서 측정했고([report.json](\(ReadmeTable.file))), \(runs)번 모두 검증을 통과했습니다.
        부하 생성기와 서버가 코어 \(machine.cores)개를 함께 씁니다. \(facts).
        """
    }
  }

  private func table(_ language: Language) -> String {
    func row(_ english: String, _ korean: String, _ cell: (Report.Column) -> String) -> FigureTable.Row {
      .init(label: language == .english ? english : korean, values: report.columns.map(cell))
    }
    func figure(_ english: String, _ korean: String, _ key: String) -> FigureTable.Row {
      row(english, korean) { text(report, $0, key) }
    }
    let rows = [
      row("coupon / sold out / no answer that settles it", "발급 / 소진 / 결과를 받지 못함") { column in
        ["people.accepted", "people.soldout", "people.failed"].map { text(report, column, $0) }
          .joined(separator: " / ")
      },
      row("oversold, duplicates in any round", "초과 발급, 중복 발급(모든 라운드)") { column in
        let ledgers = column.runs.map(\.ledgers)
        return [ledgers.map(\.oversold), ledgers.map(\.duplicates)].map { Numbers.count($0.max() ?? 0) }
          .joined(separator: ", ")
      },
      figure("people who had to retry", "재시도해야 했던 사람", "people.retried"),
      figure("winners wait, p50", "당첨자 응답 시간 p50", "winners.p50_ms"),
      figure("winners wait, p99", "당첨자 응답 시간 p99", "winners.p99_ms"),
      figure("“sold out” takes, p50", "소진 응답 시간 p50", "soldout.p50_ms"),
      figure("“sold out” takes, p99", "소진 응답 시간 p99", "soldout.p99_ms"),
      figure("the last coupon is issued after", "쿠폰 소진까지", "sell_out_s"),
      figure("every winner is in the database after", "당첨자 전원이 데이터베이스에 기록되기까지", "durable_s"),
      figure(
        "stays and bookings, p99 before the crowd", "숙소 조회·예약 p99, 트래픽이 몰리기 전", "bystander.before.p99_ms"),
      figure("stays and bookings, p99 during it", "숙소 조회·예약 p99, 몰리는 동안", "bystander.during.p99_ms"),
      figure("stays and bookings that failed during it", "숙소 조회·예약 실패율, 몰리는 동안", "bystander.during.failed"),
      figure("stays and bookings, p99 after it", "숙소 조회·예약 p99, 몰린 뒤", "bystander.after.p99_ms"),
      figure("CPU of all servers", "전체 서버 CPU 시간", "cpu_s"),
      figure("peak memory of all servers", "전체 서버 최대 메모리", "memory_mib"),
    ]
    return FigureTable(columns: report.columns.map(\.title), rows: rows).markdown
  }

  private func text(_ report: Report, _ column: Report.Column, _ key: String) -> String {
    let unit = ReportFigure.groups(of: column.runs).flatMap(\.figures).first { $0.key == key }?.unit ?? .count
    return SpreadText(
      column.medians[key], unit, rounds: report.rounds, isMarked: report.unrest != nil
    ).text
  }

  /// What the same load gives on a log that is not in memory.
  private func note(_ language: Language) -> String? {
    guard let eda = kafka.columns.first(where: { $0.name == "eda" }) else { return nil }
    func figure(_ key: String) -> String { text(kafka, eda, key) }
    let version = kafka.versions["Kafka"].map { " \($0)" } ?? ""
    switch language {
    case .english:
      return """
        The log of these runs was in memory (the embedded broker). On a real Kafka\(version), one broker with `acks=all`
        ([report-kafka.json](\(ReadmeTable.kafkaFile)), commit `\(kafka.commit)`, \(kafka.rounds) rounds of the same load), eda's
        winners wait \(figure("winners.p50_ms")) at p50 and \(figure("winners.p99_ms")) at p99, the last coupon is issued
        after \(figure("sell_out_s")), every winner is in the database after \(figure("durable_s")), and all servers take
        \(figure("cpu_s")) of CPU and \(figure("memory_mib")).
        """
    case .korean:
      return """
        위 실행의 로그는 메모리에만 있었습니다(내장 브로커). 같은 부하를 실제 Kafka\(version) 브로커 한 대와 `acks=all`로 \(kafka.rounds)번 실행하면
        ([report-kafka.json](\(ReadmeTable.kafkaFile)), 커밋 `\(kafka.commit)`) eda의 당첨자 응답 시간은 p50 \(figure("winners.p50_ms")),
        p99 \(figure("winners.p99_ms")), 쿠폰 소진까지 \(figure("sell_out_s")), 당첨자 전원이 데이터베이스에 기록되기까지
        \(figure("durable_s")), 전체 서버 CPU 시간은 \(figure("cpu_s")), 최대 메모리는 \(figure("memory_mib"))입니다.
        """
    }
  }

  private func unrest(_ language: Language) -> String? {
    let names = [(report, ReadmeTable.file), (kafka, ReadmeTable.kafkaFile)].filter { $0.0.unrest != nil }
      .map(\.1)
    guard !names.isEmpty else { return nil }
    let files = names.map { "`\($0)`" }.joined(separator: ", ")
    switch language {
    case .english:
      return """
        **The machine was not quiet** (\(files)): before the crowd came, stays and bookings took more than twice as long in
        one variant as in another. Times and CPU marked \(ReportFigure.mark) may be the machine's.
        """
    case .korean:
      return """
        **다른 작업이 있던 머신에서 측정했습니다**(\(files)). 트래픽이 몰리기 전인데도 숙소 조회·예약 시간이 방식에 따라 두 배 넘게 달랐습니다.
        \(ReportFigure.mark) 표시가 있는 시간과 CPU는 머신의 영향일 수 있습니다.
        """
    }
  }
}
