import Terminal

/// A metric's value for people.
package enum MetricText {
  package static func value(_ value: Double, of name: String) -> String {
    if name.hasSuffix("_ms") { return Numbers.duration(milliseconds: value) }
    if name.hasSuffix("_us_per_coupon") || name.hasSuffix("_us_per_request") {
      return Numbers.decimal(value, digits: 0) + " µs"
    }
    if name.hasSuffix("_s") && !name.hasSuffix("per_s") { return Numbers.duration(seconds: value) }
    if name.hasSuffix("_mib") { return Numbers.decimal(value, digits: 0) + " MiB" }
    let measure = name.split(separator: ".").last ?? ""
    let isShare = ["good", "failed", "unknown", "accepted", "refused", "share"].contains(measure)
    if isShare, !name.hasPrefix("people."), name != "accepted.failed" { return Numbers.percent(value) }
    return Numbers.decimal(value, digits: value == value.rounded() || value >= 100 ? 0 : 1)
  }
}
