import Figures
import Experiments
import Terminal

/// `report.html`: one file that needs no network, in the reader's light or dark scheme.
package struct ReportPage {
  private let report: Report
  private let matrix: String?

  /// `matrix`: an SVG file in base 64.
  package init(_ report: Report, matrix: String? = nil) { (self.report, self.matrix) = (report, matrix) }

  package var html: String {
    HTMLPage.wrap(
      title:
        "TimeAttack: \(Numbers.count(report.settings.people)) people, \(Numbers.count(report.settings.quota)) coupons",
      """
      \(header)
      \(warnings)
      \(cards)
      \(table)
      \(charts)
      \(propagation)
      \(findings)
      \(provenance)
      """)
  }

  private var header: String {
    let settings = report.settings
    let names = report.runs.map(\.architecture).joined(separator: " and ").escaped
    return """
      <header>
      <p class="kicker">TimeAttack</p>
      <h1>\(Numbers.count(settings.people)) people, \(Numbers.count(settings.quota)) coupons</h1>
      <p>The same flash crowd against \(names), one after the other on fresh data:
      \(Numbers.decimal(settings.ratePerSecond, digits: 0)) people a second at the opening, up to
      \(settings.attempts) requests each, seed <code>\(settings.seed.escaped)</code>.
      Latency counts from the moment a request was due, and is of good answers only.</p>
      </header>
      """
  }

  private var warnings: String {
    report.warnings.map { #"<p class="warning" role="note">\#($0.escaped)</p>"# }
      .joined(separator: "\n")
  }

  private var cards: String {
    let cards = report.runs.map { run in
      """
      <article class="card \(run.architecture.escaped)">
      <h2>\(run.architecture.escaped) <span class="badge \(run.verified ? "good" : "bad")">\
      \(run.verified ? "verified" : "not verified")</span></h2>
      <dl>
      <div><dt>winners, p99</dt><dd>\(Numbers.duration(milliseconds: run.waits.winners.p99Ms))</dd></div>
      <div><dt>sold-out, p99</dt><dd>\(Numbers.duration(milliseconds: run.waits.soldOut.p99Ms))</dd></div>
      <div><dt>sold out in</dt><dd>\(Numbers.duration(seconds: run.metrics["sell_out_s"]))</dd></div>
      <div><dt>bystander p99 meanwhile, failed</dt>\
      <dd>\(Numbers.duration(milliseconds: run.bystander.during.latency.p99Ms)), \
      \(run.bystander.during.failedShare.map(Numbers.percent) ?? "–")</dd></div>
      <div><dt>oversold, duplicates</dt><dd>\(run.ledgers.oversold), \(run.ledgers.duplicates)</dd></div>
      <div><dt>CPU of all servers</dt>\
      <dd>\(Numbers.decimal(run.usage.map(\.cpuSeconds).reduce(0, +), digits: 1)) s</dd></div>
      </dl>
      </article>
      """
    }
    return #"<section class="cards" aria-label="In short">"# + cards.joined(separator: "\n") + "</section>"
  }

  private var table: String {
    "<section><h2>Side by side</h2>\n\(FigureTable(report).html)</section>"
  }

  private var charts: String {
    let trials = report.runs.map { ChartedTrial(name: $0.architecture, figures: $0) }
    return HTMLPage.charts(TrialCharts(trials, quota: report.settings.quota).ofPage)
  }

  /// As an image: its colours are its own.
  private var propagation: String {
    guard let matrix else { return "" }
    return """
      <section><h2>How far failures spread</h2>
      <p>From the experiments, not from this run: the share of good answers while one thing was broken, and the seconds
      until the last bad one.</p>
      <img alt="The failure-propagation matrix" style="width:100%" src="data:image/svg+xml;base64,\(matrix)">
      </section>
      """
  }

  private var findings: String {
    let runs = report.runs.map { run in
      let rows = run.findings.map { finding in
        let style = ["ok": "good", "n/a": "quiet"][finding.verdict] ?? "bad"
        return """
          <tr><th scope="row">\(finding.invariant.escaped)</th><td class="left">\(finding.title.escaped)</td>\
          <td><span class="badge \(style)">\(finding.verdict.escaped)</span></td>\
          <td class="left">\(finding.detail.escaped)</td></tr>
          """
      }
      let gate = run.ledgers.gateMembers.map { members in
        """
        <p>Redis' set, which proposes and does not decide: \(Numbers.count(members)) members,
        \(Numbers.count(run.ledgers.gateWinnersMissing ?? 0)) winners missing,
        \(Numbers.count(run.ledgers.gateMembersWithoutCoupon ?? 0)) members without a coupon.</p>
        """
      }
      return """
        <details\(run.verified ? "" : " open")><summary>\(run.architecture.escaped) (\(run.strategy.escaped)): \
        \(run.findings.count) invariants</summary>
        <div class="scroll"><table><tbody>
        \(rows.joined(separator: "\n"))
        </tbody></table></div>\(gate ?? "")</details>
        """
    }
    return "<section><h2>What was checked</h2>\n" + runs.joined(separator: "\n") + "</section>"
  }

  private var provenance: String {
    let machine = report.machine
    var facts: [(String, String)] = [
      ("made", report.createdAt), ("commit", report.commit), ("processor", machine.processor),
      ("cores", String(machine.cores)), ("memory", Numbers.bytes(machine.memoryBytes)),
      ("system", machine.system), ("Swift", machine.swift),
    ]
    facts += report.versions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    facts += [
      ("connections", Numbers.count(report.settings.connections)),
      ("patience of a client", "\(report.settings.patienceMs) ms"),
      ("bystander", "\(Numbers.decimal(report.settings.bystanderPerSecond, digits: 0)) requests a second"),
      ("who comes too early", Numbers.percent(report.settings.earlyShare)),
    ]
    let rows = facts.map { name, value in
      #"<tr><th scope="row">\#(name.escaped)</th><td class="left">\#(value.escaped)</td></tr>"#
    }
    let programs = report.programSettings.sorted { $0.key < $1.key }.map { program, settings in
      let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      return "<h3>\(program.escaped)</h3><pre>\(lines.joined(separator: "\n").escaped)</pre>"
    }
    return """
      <section><h2>Where these figures come from</h2>
      <p>The load generator and the servers share this machine. Everything is in <code>report.json</code>, too.</p>
      <details><summary>Machine, versions, settings</summary>
      <div class="scroll"><table><tbody>
      \(rows.joined(separator: "\n"))
      </tbody></table></div>
      \(programs.joined(separator: "\n"))
      </details></section>
      """
  }
}
