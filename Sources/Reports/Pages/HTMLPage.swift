/// One HTML file that needs no network, in the reader's light or dark scheme.
enum HTMLPage {
  /// - Parameters:
  ///   - title: plain text.
  ///   - body: what `main` holds, as HTML.
  static func wrap(title: String, _ body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(title.escaped)</title>
    <style>\(Style.page)</style>
    </head>
    <body>
    <main>
    \(body)
    </main>
    </body>
    </html>

    """
  }

  /// A section for each chart.
  static func charts(_ charts: [Chart]) -> String {
    charts.enumerated().map { index, chart in
      """
      <section class="chart"><h2>\(chart.title.escaped)</h2>
      <p>\(chart.description.escaped)</p>
      \(chart.svg(id: "chart\(index)"))
      </section>
      """
    }.joined(separator: "\n")
  }
}
