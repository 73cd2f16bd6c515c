extension String {
  /// In lines of at most so many characters, broken between words; `indent` stands before every line but the first. A word
  /// that is longer has a line of its own.
  package func wrapped(to width: Int = 80, indent: String = "") -> [String] {
    var lines: [String] = []
    var line = ""
    for word in split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = indent + word
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }
}
