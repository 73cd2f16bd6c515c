/// How wide a text is drawn: that of DejaVu Sans, the widest of the fonts that renderers fall back on, so that what has room
/// there has room in every other.
package enum TextWidth {
  /// - Parameters:
  ///   - size: in the picture's units.
  package static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let widths = isBold ? bold : regular
    let hundredths = text.unicodeScalars.reduce(0) { sum, scalar in
      let index = Int(scalar.value) - 32
      if widths.indices.contains(index) { return sum + widths[index] }
      return sum + (narrow[scalar] ?? 100)
    }
    return Double(hundredths) * size / 100
  }

  /// The text in lines that are not wider; a word that is wider alone has its own line.
  static func lines(_ text: String, size: Double, within width: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, of("\(last) \(word)", size: size) <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  /// Of `" "` to `"~"`, in hundredths of the size.
  private static let regular = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    34,
    34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61,
    73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63,
    61,
    63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
  ]
  private static let bold = [
    35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70,
    40,
    40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84, 85, 73, 85, 77, 72, 68,
    81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72, 68, 44, 72, 71, 34, 34, 67, 34, 104, 71,
    69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84,
  ]
  /// Others that are in use; what is not known is as wide as it is high.
  private static let narrow: [Unicode.Scalar: Int] = [
    "–": 50, "·": 38, "µ": 74, "“": 66, "”": 66, "’": 38, "−": 84,
  ]
}
