import Experiments
import Figures
import Foundation
import History
import LabTestSupport
import Reports
import Scenarios
import TestSupport
import Testing

/// What every renderer must be able to show and everybody to read: texts at 11 px and more in a README 830 px wide, apart from
/// each other, with a contrast of 4.5 to 1, without a style sheet.
@Suite(.limited) struct PictureTests {
  // MARK: - Pictures to look at

  private static let faults = [
    ("database outage", "database"), ("database hang", "database"), ("database slow (300 ms)", "database"),
    ("database flaky (30 %)", "database"), ("database stopped", "database"), ("program killed", "api"),
    ("worker killed", "worker"), ("redis outage", "redis"), ("redis slow (300 ms)", "redis"),
    ("redis flushed", "redis"), ("kafka outage", "kafka"), ("kafka slow (300 ms)", "kafka"),
  ]

  /// Four variants with faults of their own, some metrics that are 0 everywhere, and one that nobody has.
  private func result(faults count: Int) throws -> ExperimentResult {
    let names = ["monolith", "eda", "monolith-with-a-long-name", "eda-stopped"]
    let runs = try names.enumerated().map { index, name in
      let architecture = index.isMultiple(of: 2) ? Architecture.monolith : .eda
      return (name, try SyntheticReport.run(architecture, people: 2_000, quota: 100, slowness: 2))
    }
    var measured = Measured()
    for round in 1...3 {
      var values: [String: [String: Double]] = [:]
      for (index, name) in names.enumerated() {
        values[name] = [
          "coupons.failed@during": Double(index) / 4, "coupons.count@during": 12_345, "oversold": 0,
          "durable_s": 0.8 * Double(index * round), "coupons.p99_ms": 1_234 * Double(round),
        ]
      }
      values[names[1]]?["coupons.p99_ms"] = nil
      measured.add(round: values)
    }
    var result = ExperimentResult(
      name: "n", question: "?", createdAt: "2026-01-01", commit: "c", seed: "1", isQuick: false, rounds: 3,
      machine: Machine(processor: "p", cores: 2, memoryBytes: 1, system: "s", swift: "6"), versions: [:],
      variants: runs.map { name, figures in
        ExperimentResult.VariantFacts(
          name: name, architecture: figures.architecture, strategy: "s", people: 1, quota: 1, policies: 1,
          ratePerSecond: 1, concurrent: nil,
          programSettings: ["monolith": ["REQUEST_DEADLINE_MS": "2000"]], excused: [])
      },
      runs: runs.enumerated().map { index, run in
        ExperimentResult.Trial(
          round: 1, variant: run.0, metrics: run.1.metrics, faults: fault(count, index), findings: [],
          usage: [], verified: true)
      },
      medians: measured.spreads,
      shown: ["coupons.failed@during", "oversold", "durable_s", "coupons.p99_ms", "dead_letters"],
      judgements: [])
    result.firstRound = runs.reduce(into: [:]) { $0[$1.0] = $1.1.series }
    return result
  }

  /// The first so many faults, a second for each; the last variant has its own at another time.
  private func fault(_ count: Int, _ variant: Int) -> [FaultFigures] {
    let faults = PictureTests.faults.prefix(count).enumerated().map { index, fault in
      FaultFigures(
        window: FaultWindow(
          name: fault.0, from: Double(index) * 2.5, to: Double(index) * 2.5 + (index == 9 ? 0 : 1)),
        target: fault.1, bites: 1,
        metrics: Matrix.uses.reduce(into: [:]) {
          $0["\($1.group).count@during"] = 400
          $0["\($1.group).good@during"] = Double(index % 4) / 3
          $0["\($1.group).recover_s"] = Double(index) * 1.37
          $0["\($1.group).p50_ms@before"] = 2
          $0["\($1.group).p50_ms@during"] = 2 + Double(index % 3) * 300
        })
    }
    guard variant == 3, count > 0 else { return faults }
    let own = FaultWindow(name: "database stopped", from: 8, to: 9.5)
    return faults + [FaultFigures(window: own, target: "database", bites: 1, metrics: [:])]
  }

  private func pictures() throws -> [(name: String, svg: String)] {
    var pictures: [(name: String, svg: String)] = []
    for count in [0, 1, PictureTests.faults.count] {
      let pictured = ExperimentFiles.pictures(try result(faults: count))
      #expect(pictured.map(\.name) == ["coupons.svg", "bystander.svg", "figures.svg"])
      pictures += pictured.map { ("\($0.name), \(count) faults", $0.svg) }
    }
    var whole = try result(faults: PictureTests.faults.count)
    whole.rounds = 1
    whole.runs[0].faults[1].metrics["stays.good@during"] = nil
    pictures.append(("matrix.svg", MatrixDrawing(Matrix([whole])).svg))
    pictures.append(("performance.svg", try PictureTests.bench()))
    return pictures
  }

  // MARK: - What must hold

  @Test func everyRendererCanDrawThem() throws {
    for (name, svg) in try pictures() {
      for word in ["var(", "<style", "currentColor", "prefers-color-scheme", "NaN", "inf"] {
        #expect(!svg.contains(word), "\(name): \(word)")
      }
      #expect(svg.count { $0 == "<" } == svg.count { $0 == ">" }, "\(name)")
      // Without its classes each says what it looks like.
      for element in svg.matches(of: /<(text|rect|path) ([^>]*)>/) {
        let attributes = element.output.2
        #expect(attributes.contains("fill=\""), "\(name): \(attributes)")
        if element.output.1 == "path" { #expect(attributes.contains("stroke=\""), "\(name): \(attributes)") }
      }
      if let folder = ProcessInfo.processInfo.environment["TEST_PICTURES"] {
        try svg.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
    }
  }

  @Test func theirTextsCanBeRead() throws {
    for (name, svg) in try pictures() {
      let drawing = try Drawing(svg)
      #expect(drawing.width == 830 && drawing.texts.count > 5, "\(name)")
      for text in drawing.texts {
        #expect(text.size >= 11, "\(name): \(text.words)")
        let contrast = drawing.contrast(of: text)
        #expect(contrast >= 4.5, "\(name): \(text.words) has \(contrast)")
      }
    }
  }

  @Test func noTextOverprintsAnother() throws {
    let page = ReportPage(try SyntheticReport.report()).html
    let charts = page.matches(of: /<svg[\s\S]*?<\/svg>/).map { (name: "the page", svg: String($0.output)) }
    #expect(charts.count == 4)
    for (name, svg) in try pictures() + charts {
      let drawing = try Drawing(svg)
      for (index, text) in drawing.texts.enumerated() {
        #expect(text.left >= 0 && text.right <= drawing.width, "\(name): \(text.words) is cut off")
        #expect(text.top >= 0 && text.bottom <= drawing.height, "\(name): \(text.words) is cut off")
        for other in drawing.texts[(index + 1)...] where text.overlaps(other) {
          Issue.record("\(name): “\(text.words)” and “\(other.words)”")
        }
      }
    }
  }

  @Test func everyFaultOfEveryVariantIsShaded() throws {
    for name in ["coupons.svg", "bystander.svg"] {
      let picture = try unwrap(
        ExperimentFiles.pictures(try result(faults: PictureTests.faults.count)).first { $0.name == name })
      let titles = picture.svg.matches(of: /<title>([^<]*)<\/title>/).map { String($0.output.1) }
      for (index, fault) in PictureTests.faults.enumerated() where index != 9 {
        let time = "\(Double(index) * 2.5)…\(Double(index) * 2.5 + 1) s"
        #expect(titles.contains("\(fault.0), \(time)"), "\(fault.0), \(time)")
      }
      // One that takes no time, and one that a single variant has.
      #expect(titles.contains("redis flushed, 22.5 s"))
      #expect(titles.contains("database stopped (eda-stopped), 8.0…9.5 s"))
      #expect(picture.svg.matches(of: /class="shade"/).count == 12)
      #expect(picture.caption.contains("Shaded: database outage, 0.0…1.0 s; database hang, 2.5…3.5 s;"))
    }
  }

  @Test func captionsNameWhatIsThere() throws {
    let result = try result(faults: 1)
    for picture in ExperimentFiles.pictures(result) {
      let texts = try Drawing(picture.svg).texts.map(\.words)
      let titles = texts.filter { text in result.shown.contains { key in text.hasPrefix(title(key)) } }
      if picture.name == "figures.svg" {
        #expect(titles.count == 3)
        for key in result.shown {
          let isDrawn = titles.contains { $0.hasPrefix(title(key)) }
          #expect(picture.caption.contains(title(key)) == isDrawn, "\(key)")
        }
        #expect(titles.contains("From the opening until every coupon is in the database (s)"))
        #expect(
          picture.svg.contains("0 in every round of every variant: Coupons beyond the quota of their day."))
        #expect(picture.svg.contains("Without a value: Messages put aside as dead letters."))
        #expect(texts.contains("75.0 % of 12,345") && texts.contains("1.60 s") && texts.contains("–"))
      } else {
        #expect(texts.contains { picture.caption.hasPrefix("\($0). ") })
      }
      let page = ExperimentPage(result: result, pictures: [picture]).markdown
      #expect(page.contains("](\(picture.name))\n\n*\(picture.caption)*"))
      #expect(page.components(separatedBy: ".svg").count == 2)
    }
    let page = ExperimentPage(result: result).markdown
    #expect(page.contains("| `coupons.failed` during the fault | 0.0 % of 12,345 |"))
  }

  private func title(_ key: String) -> String { Metric(described: key)?.title ?? key }

  /// What is checked in is what the checked-in results draw, as far as they have kept it.
  @Test func checkedInPicturesAreTheirResults() throws {
    let root = PictureTests.root
    let folders = try FileManager.default.contentsOfDirectory(
      at: root.appending(path: "experiments"), includingPropertiesForKeys: nil)
    var results: [ExperimentResult] = []
    let onKafka = folders.map { $0.appending(path: ExperimentFiles.onInstalledKafka) }
    for folder in (folders + onKafka).sorted(by: { $0.path < $1.path }) {
      let file = folder.appending(path: "result.json").path
      guard FileManager.default.fileExists(atPath: file) else { continue }
      let result = try ExperimentResult.read(file)
      if !onKafka.contains(folder) { results.append(result) }
      for picture in ExperimentFiles.pictures(result) {
        let drawn = try String(contentsOf: folder.appending(path: picture.name), encoding: .utf8)
        #expect(
          drawn == picture.svg, "\(result.name)/\(picture.name): lab report --experiments draws another")
      }
    }
    results = results.filter { $0.name == "matrix" } + results.filter { $0.name != "matrix" }
    let drawn = try String(contentsOf: root.appending(path: "docs/matrix.svg"), encoding: .utf8)
    #expect(drawn == MatrixDrawing(Matrix(results)).svg, "lab report --matrix draws another")
    let bench = try String(contentsOf: root.appending(path: "docs/performance.svg"), encoding: .utf8)
    #expect(try bench == PictureTests.bench(), "lab report --bench docs/performance.json draws another")
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func bench() throws -> String {
    BenchPage(try BenchResult.read(root.appending(path: "docs/performance.json").path)).svg
  }
}

/// What stands where in a picture, by its elements' attributes alone.
private struct Drawing {
  struct Text {
    var words: String
    var size: Double
    var fill: Colour
    var left: Double
    var right: Double
    var baseline: Double

    var top: Double { baseline - 0.76 * size }
    var bottom: Double { baseline + 0.24 * size }

    func overlaps(_ other: Text) -> Bool {
      left < other.right && other.left < right && top + 0.5 < other.bottom && other.top + 0.5 < bottom
    }
  }

  struct Colour {
    /// 0…1.
    var parts: [Double]

    init(_ hexadecimal: some StringProtocol) throws {
      let number = try unwrap(Int(hexadecimal.dropFirst(), radix: 16))
      parts = [16, 8, 0].map { Double(number >> $0 & 255) / 255 }
    }

    mutating func cover(_ other: Colour, _ opacity: Double) {
      parts = zip(parts, other.parts).map { $0 * (1 - opacity) + $1 * opacity }
    }

    /// As WCAG 2 has it.
    var luminance: Double {
      let linear = parts.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
  }

  private struct Area {
    var x, y, width, height, opacity: Double
    var fill: Colour
  }

  var width = 0.0
  var height = 0.0
  var texts: [Text] = []
  private var areas: [Area] = []

  init(_ svg: String) throws {
    let box = try unwrap(svg.firstMatch(of: /viewBox="0 0 ([0-9.]+) ([0-9.]+)"/))
    (width, height) = (try unwrap(Double(box.output.1)), try unwrap(Double(box.output.2)))
    for match in svg.matches(of: /<(text|rect) ([^>]*)>([^<]*)/) {
      let found = match.output.2.matches(of: /([a-z0-9-]+)="([^"]*)"/).map {
        (String($0.output.1), String($0.output.2))
      }
      let attributes = Dictionary(found) { $1 }
      func number(_ name: String) throws -> Double { try unwrap(attributes[name].flatMap { Double($0) }) }
      let fill = try Colour(try unwrap(attributes["fill"]))
      if match.output.1 == "rect" {
        areas.append(
          Area(
            x: try number("x"), y: try number("y"), width: try number("width"), height: try number("height"),
            opacity: attributes["fill-opacity"].flatMap { Double($0) } ?? 1, fill: fill))
        continue
      }
      let words = match.output.3.replacing("&#39;", with: "'").replacing("&lt;", with: "<")
      let (x, size) = (try number("x"), try number("font-size"))
      let width = TextWidth.of(String(words), size: size, isBold: attributes["font-weight"] == "bold")
      let left = ["middle": x - width / 2, "end": x - width][attributes["text-anchor"] ?? ""] ?? x
      texts.append(
        Text(
          words: String(words), size: size, fill: fill, left: left, right: left + width,
          baseline: try number("y")))
    }
  }

  /// Against what is drawn where the text's middle is; white where nothing is.
  func contrast(of text: Text) -> Double {
    let (x, y) = ((text.left + text.right) / 2, (text.top + text.bottom) / 2)
    var ground = text.fill
    ground.parts = [1, 1, 1]
    for area in areas
    where area.x <= x && x <= area.x + area.width && area.y <= y && y <= area.y + area.height {
      ground.cover(area.fill, area.opacity)
    }
    let both = [ground.luminance, text.fill.luminance].sorted()
    return (both[1] + 0.05) / (both[0] + 0.05)
  }
}
