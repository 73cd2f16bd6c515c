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
    <style>\(ReportStyle.css)</style>
    </head>
    <body>
    <main>
    \(body)
    </main>
    </body>
    </html>

    """
  }
}
