import CouponDatabase
import CouponStore
import Programs

extension Monolith {
  /// Runs the program until a signal ends it.
  ///
  /// - Parameter arguments: the flags, without the program's name.
  /// - Returns: the exit code.
  package nonisolated static func run(_ arguments: [String]) -> Int32 {
    if arguments.first == "prepare" {
      return Program.perform(
        "monolith prepare", summary: PrepareTables.summary, settings: MonolithSettings.self,
        arguments: Array(arguments.dropFirst())
      ) { settings, context in
        try await PrepareTables.run(
          settings.schema, settings.database, ranksAreUnique: settings.coupons.strategy.ranksAreUnique,
          key: settings.coupons.key, log: context.log)
      }
    }
    return Program.run(
      "monolith",
      summary: "first-come-first-served coupons over a locked row; monolith prepare only makes the tables",
      settings: MonolithSettings.self, arguments: arguments
    ) { settings, context in Monolith(settings, context).application() }
  }
}
