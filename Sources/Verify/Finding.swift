/// What the checker says of one invariant.
package struct Finding: Hashable, Sendable {
  package enum Verdict: Hashable, Sendable {
    /// Held, and there was something to hold for.
    case ok(String)
    /// `count` breaches; `examples` describes the first few.
    case violated(count: Int, examples: [String])
    /// This run has nothing that the invariant speaks of.
    case notApplicable(String)
    /// It could not fail here, but should have been able to: the run proves nothing.
    case vacuous(String)
    /// What could be looked at held; the text says what could not.
    case inPart(String)
    /// Nothing that it speaks of could be looked at, for this reason.
    case notChecked(String)
    /// A ledger that it needs was there and could not be read: the run is not verified.
    case unread(String)
  }

  package let invariant: Invariant
  package let verdict: Verdict

  package init(_ invariant: Invariant, _ verdict: Verdict) {
    (self.invariant, self.verdict) = (invariant, verdict)
  }

  /// Whether a run with this finding counts as verified.
  package var passes: Bool {
    switch verdict {
    case .ok, .notApplicable, .inPart, .notChecked: true
    case .violated, .vacuous, .unread: false
    }
  }

  /// `ok`, `VIOLATED`, `n/a`, `VACUOUS`, `in part`, `unchecked` or `UNREAD`.
  package var word: String {
    switch verdict {
    case .ok: "ok"
    case .violated: "VIOLATED"
    case .notApplicable: "n/a"
    case .vacuous: "VACUOUS"
    case .inPart: "in part"
    case .notChecked: "unchecked"
    case .unread: "UNREAD"
    }
  }

  /// One line of explanation.
  package var detail: String {
    switch verdict {
    case .ok(let what), .notApplicable(let what), .vacuous(let what), .inPart(let what),
      .notChecked(let what), .unread(let what):
      what
    case .violated(let count, let examples):
      "\(count) \(count == 1 ? "breach" : "breaches"): " + examples.joined(separator: "; ")
        + (count > examples.count ? "; …" : "")
    }
  }
}

/// Collects the breaches of one invariant: all are counted, the first few described.
struct Breaches {
  private(set) var count = 0
  private var examples: [String] = []

  mutating func add(_ example: @autoclosure () -> String) {
    count += 1
    if examples.count < 3 { examples.append(example()) }
  }

  /// Violated where there is a breach, else what `otherwise` says.
  func verdict(otherwise: @autoclosure () -> Finding.Verdict) -> Finding.Verdict {
    count > 0 ? .violated(count: count, examples: examples) : otherwise()
  }
}
