/// What charts and pages look like. Two hues that stay apart for colour-blind eyes; dashes tell lines apart without colour.
enum Style {
  typealias Table = [String: [String: String]]

  // MARK: - Attributes of pictures, by name; "" is every element's

  static let fonts = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
  static let (ink, soft, panel, rule) = ("#1b1f24", "#59636e", "#f6f8fa", "#d9dee4")

  /// In the picture's units: 830 of them are as wide as a README.
  static let (textSize, titleSize) = (12.0, 14.0)

  static let texts: Table = [
    "": ["fill": soft, "font-size": "12"],
    "strong": ["fill": ink, "font-weight": "bold"],
    "title": ["fill": ink, "font-size": "14", "font-weight": "bold"],
    "ink": ["fill": ink],
    "onbad": ["fill": "#ffffff"],
  ]

  static let paths: Table = [
    "": ["fill": "none", "stroke-width": "2", "stroke-linejoin": "round", "stroke-linecap": "round"],
    "grid": ["stroke": rule, "stroke-width": "1"],
    "axis": ["stroke": soft, "stroke-width": "1"],
    "level": ["stroke": soft, "stroke-width": "1", "stroke-dasharray": "2 4"],
    "mark": ["stroke": soft, "stroke-width": "1", "stroke-dasharray": "2 4"],
    "instant": ["stroke": soft, "stroke-width": "2"],
    "monolith": ["stroke": "#b35900"], "eda": ["stroke": "#0a66c2"], "due": ["stroke": soft],
    "dashed": ["stroke-dasharray": "5 5", "stroke-width": "1.6"],
    "dotted": ["stroke-dasharray": "1 5"],
    "broken": ["stroke-dasharray": "12 4 1 4", "stroke-width": "1.6"],
    "spread": ["stroke": ink, "stroke-width": "1.5"], "halo": ["stroke": panel, "stroke-width": "4"],
    "symbol": ["stroke": ink, "stroke-width": "1.8"], "onbad": ["stroke": "#ffffff"],
  ]

  static let rects: Table = [
    "panel": ["fill": panel, "stroke": rule],
    "monolith": ["fill": "#b35900"], "eda": ["fill": "#0a66c2"],
    "shade": ["fill": soft, "fill-opacity": "0.16"],
    "track": ["fill": rule],
    "good": ["fill": "#cfe5f7"], "fair": ["fill": "#ffd670"], "bad": ["fill": "#a8321a"],
    "unaffected": ["fill": "#ffffff", "stroke": "#8b96a1"],
    "gap": ["fill": "#ffffff", "stroke": ink, "stroke-dasharray": "3 3"],
  ]

  // MARK: - Style sheets of pages

  /// The colours of both schemes, as variables of `selector`.
  private static func colours(_ selector: String) -> String {
    """
    \(selector) { --ink:\(ink); --soft:\(soft); --paper:#ffffff; --panel:\(panel); --rule:\(rule); --warn:#fff5d6;
      --monolith:#b35900; --eda:#0a66c2; --good:#1a7f37; --bad:#c4281c; }
    @media (prefers-color-scheme: dark) { \(selector) { --ink:#e6edf3; --soft:#9aa5b1; --paper:#0e1116; --panel:#171c23;
      --rule:#30373f; --warn:#3a2f0b; --monolith:#ffab57; --eda:#6cb6ff; --good:#2f9e4f; --bad:#e5534b; } }

    """
  }

  /// The colours of charts on a page follow its scheme.
  private static let charts = """
    text { fill:var(--soft); } text.strong, text.title { fill:var(--ink); }
    path.grid { stroke:var(--rule); } path.axis, path.level, path.mark, path.instant, path.due { stroke:var(--soft); }
    path.monolith { stroke:var(--monolith); } path.eda { stroke:var(--eda); } path.spread { stroke:var(--ink); } path.halo { stroke:var(--panel); }
    rect.monolith { fill:var(--monolith); } rect.eda { fill:var(--eda); }
    rect.shade { fill:var(--soft); } rect.track { fill:var(--rule); }
    """

  static let page = """

    \(colours(":root"))
    * { box-sizing:border-box; }
    body { margin:0; background:var(--paper); color:var(--ink);
      font:16px/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans KR",sans-serif; }
    main { max-width:60rem; margin:0 auto; padding:2.5rem 1.25rem 4rem; }
    h1 { font-size:2.1rem; line-height:1.15; margin:.1rem 0 .6rem; letter-spacing:-.01em; }
    h2 { font-size:1.2rem; margin:0 0 .4rem; }
    h3 { font-size:1rem; margin:1rem 0 .3rem; }
    section { margin-top:2.4rem; }
    p { margin:.3rem 0 .8rem; color:var(--soft); max-width:46rem; }
    .kicker { text-transform:uppercase; letter-spacing:.12em; font-size:.75rem; font-weight:600; margin:0; }
    .warning { background:var(--warn); color:var(--ink); border-left:4px solid var(--monolith);
      padding:.6rem .9rem; border-radius:4px; max-width:none; }
    .cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(18rem,1fr)); gap:1rem; }
    .card { background:var(--panel); border-radius:10px; padding:1rem 1.2rem; border-top:4px solid var(--rule); }
    .card.monolith { border-top-color:var(--monolith); }
    .card.eda { border-top-color:var(--eda); }
    dl { margin:.6rem 0 0; display:grid; grid-template-columns:1fr 1fr; gap:.7rem 1rem; }
    dt { font-size:.8rem; color:var(--soft); }
    dd { margin:0; font-size:1.25rem; font-weight:600; font-variant-numeric:tabular-nums; }
    .badge { font-size:.72rem; font-weight:600; padding:.1rem .5rem; border-radius:99px; white-space:nowrap;
      border:1px solid currentColor; vertical-align:middle; }
    .good { color:var(--good); } .bad { color:var(--bad); } .quiet { color:var(--soft); }
    .scroll { overflow-x:auto; }
    table { border-collapse:collapse; width:100%; font-size:.92rem; }
    th, td { padding:.34rem .6rem; border-bottom:1px solid var(--rule); text-align:left; vertical-align:top; }
    th { font-weight:400; } thead th { font-weight:600; text-align:right; }
    tbody td { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap; }
    tbody td.left { text-align:left; white-space:normal; }
    .group th { padding-top:1.1rem; font-weight:600; }
    .part th { padding-left:1.6rem; color:var(--soft); }
    small { color:var(--soft); }
    svg { display:block; width:100%; height:auto; background:var(--panel); border-radius:10px; }
    \(charts)
    details { margin:.6rem 0; } summary { cursor:pointer; }
    pre { background:var(--panel); padding:.8rem; border-radius:8px; overflow-x:auto; font-size:.82rem; }
    code { font-size:.92em; }
    @media print { body { font-size:12px; } details { display:block; } }

    """
}
