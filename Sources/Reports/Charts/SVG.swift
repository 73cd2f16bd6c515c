internal import Text

/// The elements that every picture is made of. What each looks like is said in its attributes, which every renderer
/// understands; a page's style sheet may say otherwise by class, for a reader's dark scheme.
enum SVG {
  /// - Parameters:
  ///   - label: attributes that name the picture, as `aria-label="…"`.
  static func root(width: Double, height: Double, _ label: String, _ body: String) -> String {
    #"<svg viewBox="0 0 \#(number(width)) \#(number(height))" role="img" \#(label)>"# + "\n\(body)</svg>"
  }

  /// - Parameter style: a name of `Style.texts`.
  static func text(
    _ text: String, _ x: Double, _ y: Double, _ anchor: String = "start", _ style: String = ""
  ) -> String {
    let anchor = anchor == "start" ? "" : #" text-anchor="\#(anchor)""#
    return #"<text\#(looks(style, Style.texts)) x="\#(number(x))" y="\#(number(y))"\#(anchor)>"#
      + "\(text.escaped)</text>\n"
  }

  static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> String {
    path("M\(number(x1)) \(number(y1))L\(number(x2)) \(number(y2))", style)
  }

  /// - Parameter style: names of `Style.paths`.
  static func path(_ d: String, _ style: String, title: String? = nil) -> String {
    let title = title.map { "<title>\($0.escaped)</title>" } ?? ""
    return #"<path\#(looks(style, Style.paths)) d="\#(d)">\#(title)</path>"# + "\n"
  }

  /// - Parameters:
  ///   - style: names of `Style.rects`.
  ///   - more: further attributes.
  static func rect(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, more: String = "",
    title: String? = nil
  ) -> String {
    let title = title.map { "<title>\($0.escaped)</title>" } ?? ""
    return
      #"<rect\#(looks(style, Style.rects)) x="\#(number(x))" y="\#(number(y))" width="\#(number(width))" "#
      + #"height="\#(number(height))"\#(more)>\#(title)</rect>"# + "\n"
  }

  /// The class, and what it looks like: of several names, the later ones go before.
  private static func looks(_ style: String, _ table: Style.Table) -> String {
    let names = [""] + style.split(separator: " ").map(String.init)
    let attributes = names.reduce(into: [:]) { all, name in all.merge(table[name] ?? [:]) { $1 } }
    let text = attributes.sorted { $0.key < $1.key }.map { #" \#($0.key)="\#($0.value)""# }.joined()
    return (style.isEmpty ? "" : #" class="\#(style.escaped)""#) + text
  }

  /// Rounded to a tenth of a pixel; without a point where the number is whole.
  static func number(_ value: Double) -> String {
    let tenths = value.tenths
    return tenths.hasSuffix(".0") ? String(tenths.dropLast(2)) : tenths
  }

  /// An element as a file of its own, on a ground of its own: it is read on light and on dark pages.
  static func file(_ svg: String) -> String {
    guard let end = svg.firstIndex(of: ">") else { return svg }
    let size = svg.firstMatch(of: /viewBox="0 0 ([0-9.]+) ([0-9.]+)"/)
    let measures = size.map { #" width="\#($0.1)" height="\#($0.2)""# } ?? ""
    let head = svg[..<end].replacing(
      "<svg ", with: #"<svg xmlns="http://www.w3.org/2000/svg"\#(measures) font-family="\#(Style.fonts)" "#,
      maxReplacements: 1)
    let ground = size.flatMap { size in
      Double(size.1).flatMap { width in
        Double(size.2).map { rect(0.5, 0.5, width - 1, $0 - 1, "panel", more: #" rx="8""#) }
      }
    }
    return head + ">\n" + (ground ?? "") + svg[svg.index(after: end)...].drop { $0 == "\n" } + "\n"
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
