import Programs

extension Monolith {
  /// Runs the program until a signal ends it.
  ///
  /// - Parameter arguments: the flags, without the program's name.
  /// - Returns: the exit code.
  package nonisolated static func run(_ arguments: [String]) -> Int32 {
    Program.run(
      "monolith", summary: "first-come-first-served coupons over a locked row",
      settings: MonolithSettings.self, arguments: arguments
    ) { settings, context in Monolith(settings, context).application() }
  }
}
