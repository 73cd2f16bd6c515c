/// The page's style sheet. Two hues that stay apart for colour-blind eyes; dashes tell lines apart without colour.
enum ReportStyle {
  static let css = """

    :root { --ink:#1b1f24; --soft:#59636e; --paper:#ffffff; --panel:#f6f8fa; --rule:#d9dee4;
      --monolith:#b35900; --eda:#0a66c2; --due:#6e7781; --good:#1a7f37; --bad:#c4281c; --warn:#fff5d6; }
    @media (prefers-color-scheme: dark) {
      :root { --ink:#e6edf3; --soft:#9aa5b1; --paper:#0e1116; --panel:#171c23; --rule:#30373f;
        --monolith:#ffab57; --eda:#6cb6ff; --due:#8b949e; --good:#4ac26b; --bad:#ff8077; --warn:#3a2f0b; }
    }
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
    svg text { fill:var(--soft); font-size:11px; }
    svg path { fill:none; stroke-width:2; stroke-linejoin:round; stroke-linecap:round; }
    svg .grid { stroke:var(--rule); stroke-width:1; }
    svg .level, svg .mark { stroke:var(--soft); stroke-width:1; stroke-dasharray:2 4; }
    svg .monolith { stroke:var(--monolith); } svg .eda { stroke:var(--eda); } svg .due { stroke:var(--due); }
    svg .shade { stroke:none; fill-opacity:.12; }
    svg .shade.monolith { fill:var(--monolith); } svg .shade.eda { fill:var(--eda); }
    svg .dashed { stroke-dasharray:4 5; stroke-width:1.6; }
    details { margin:.6rem 0; } summary { cursor:pointer; }
    pre { background:var(--panel); padding:.8rem; border-radius:8px; overflow-x:auto; font-size:.82rem; }
    code { font-size:.92em; }
    @media print { body { font-size:12px; } details { display:block; } }

    """
}
