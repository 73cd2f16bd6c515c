internal import Text

/// The elements that every chart is made of, and their style sheet. Colours are classes, so that a chart follows the
/// reader's light or dark scheme.
enum SVG {
  /// - Parameters:
  ///   - label: attributes that name the picture, as `aria-label="…"`.
  static func root(width: Double, height: Double, _ label: String, _ body: String) -> String {
    #"<svg viewBox="0 0 \#(number(width)) \#(number(height))" role="img" \#(label)>"# + "\n\(body)</svg>"
  }

  static func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String, _ style: String) -> String {
    #"<text class="\#(style)" x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)">\#(text.escaped)</text>"#
      + "\n"
  }

  static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
    path("M\(number(x1)) \(number(y1))L\(number(x2)) \(number(y2))", style)
  }

  static func path(_ d: String, _ style: String, title: String? = nil) -> String {
    let title = title.map { "<title>\($0.escaped)</title>" } ?? ""
    return #"<path class="\#(style)" d="\#(d)">\#(title)</path>"# + "\n"
  }

  /// - Parameter more: further attributes.
  static func rect(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, more: String = "",
    title: String? = nil
  ) -> String {
    let title = title.map { "<title>\($0.escaped)</title>" } ?? ""
    return #"<rect class="\#(style.escaped)" x="\#(number(x))" y="\#(number(y))" width="\#(number(width))" "#
      + #"height="\#(number(height))"\#(more)>\#(title)</rect>"# + "\n"
  }

  /// Rounded to a tenth of a pixel; without a point where the number is whole.
  static func number(_ value: Double) -> String {
    let tenths = value.tenths
    return tenths.hasSuffix(".0") ? String(tenths.dropLast(2)) : tenths
  }

  /// An element as a file of its own, with its colours.
  static func file(_ svg: String) -> String {
    guard let end = svg.firstIndex(of: ">") else { return svg }
    let head = svg[..<end].replacing(
      "<svg ", with: #"<svg xmlns="http://www.w3.org/2000/svg" "#, maxReplacements: 1)
    return head + ">\n<style>\n\n\(Style.colours("svg"))"
      + #"svg { font-family:system-ui,-apple-system,"Segoe UI",sans-serif; }"#
      + "\n\(Style.charts)\n</style>\n"
      + #"<rect width="100%" height="100%" rx="10" class="panel"/>"# + svg[svg.index(after: end)...] + "\n"
  }
}

extension String {
  /// As text or an attribute's value in HTML and SVG.
  var escaped: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
