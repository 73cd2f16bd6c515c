/// Draws the matrix as `docs/matrix.svg`.
package struct MatrixDrawing {
  let matrix: Matrix

  package init(_ matrix: Matrix) { self.matrix = matrix }

  private static let left = 190.0
  private static let cell = (width: 136.0, height: 30.0)
  private static let gap = 18.0
  private static let top = 58.0

  package var svg: String {
    let block = MatrixDrawing.cell.width * Double(Matrix.uses.count)
    let width = Int(MatrixDrawing.left + 2 * block + MatrixDrawing.gap + 12)
    let height = Int(MatrixDrawing.top + Double(matrix.rows.count) * MatrixDrawing.cell.height + 12)
    var body = ""
    for (index, architecture) in Matrix.architectures.enumerated() {
      let x = MatrixDrawing.left + Double(index) * (block + MatrixDrawing.gap)
      body += SVG.text(architecture, x + block / 2, 22, "middle", "strong")
      for (column, use) in Matrix.uses.enumerated() {
        body += SVG.text(use.title, x + (Double(column) + 0.5) * MatrixDrawing.cell.width, 46, "middle", "")
      }
      for (line, row) in matrix.rows.enumerated() {
        let y = MatrixDrawing.top + Double(line) * MatrixDrawing.cell.height
        if index == 0 { body += SVG.text(row.fault, MatrixDrawing.left - 10, y + 19, "end", "strong") }
        for (column, use) in Matrix.uses.enumerated() {
          body += draw(row.entry(architecture, use.group), x + Double(column) * MatrixDrawing.cell.width, y)
        }
      }
    }
    return SVG.file(
      SVG.root(
        width: Double(width), height: Double(height),
        #"aria-label="Share of good answers by fault, use and architecture""#, body))
  }

  private func draw(_ entry: Matrix.Entry, _ x: Double, _ y: Double) -> String {
    let (shape, ink) =
      switch entry {
      case .cell(let cell): (cell.colour.rawValue, "cell")
      case .gap: ("gap", "strong")
      case .noSuchPart: ("none", "")
      }
    let (width, height) = (MatrixDrawing.cell.width - 3, MatrixDrawing.cell.height - 3)
    return SVG.rect(x, y, width, height, shape, more: #" rx="4""#)
      + SVG.text(MatrixPage.text(entry, marked: false), x + width / 2, y + 18, "middle", ink)
  }
}
