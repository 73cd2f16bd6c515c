import CouponAdmission
import CouponWorker
import CouponAPI
import CouponDatabase
import CouponLog
import CouponStore
import EventLoop
import Foundation
import Programs

/// The program's subcommands.
package enum EDA {
  package static func run(_ arguments: [String]) -> Int32 {
    var rest = Array(arguments.dropFirst())
    // A Ctrl-C reaches every process at the terminal; a supervised one waits for its supervisor's signal.
    let isSupervised = rest.first == supervised
    if isSupervised {
      rest.removeFirst()
      signal(SIGINT, SIG_IGN)
    }
    let signals = isSupervised ? [SIGTERM] : [SIGTERM, SIGINT]
    switch arguments.first {
    case "api":
      return Program.run(
        "eda api", summary: "first-come-first-served coupons that the log decides",
        settings: APISettings.self,
        arguments: rest, until: signals
      ) { settings, context in EDAAPI(settings, context).application() }
    case "worker":
      return Program.run(
        "eda worker", summary: "writes what the log says into the tables", settings: WorkerSettings.self,
        arguments: rest, until: signals
      ) { settings, context in EDAWorker(settings, context).application() }
    case "prepare":
      return Program.perform(
        "eda prepare", summary: PrepareTables.summary, settings: WorkerSettings.self, arguments: rest
      ) { settings, context in
        try await PrepareTables.run(
          settings.schema, settings.database, ranksAreUnique: settings.coupons.strategy.isRanked,
          key: settings.coupons.key, log: context.log)
      }
    case "broker": return BrokerProgram.run(rest, until: signals, isSupervised: isSupervised)
    case "all": return Supervisor.run(rest)
    case "--help", "-h", "help":
      print(help, terminator: "")
      return 0
    case let unknown?:
      FileHandle.standardError.write(Data("eda: no subcommand \(unknown); eda --help lists them\n".utf8))
      return 2
    case nil:
      FileHandle.standardError.write(Data("eda: a subcommand is missing; eda --help lists them\n".utf8))
      return 2
    }
  }

  /// The first argument of the children of `eda all`.
  static let supervised = "--supervised"

  private static let help = """
    eda: first-come-first-served coupons; Redis proposes, the log decides, the database records

    usage: eda SUBCOMMAND [--help] [--setting value]…

      api      answers the HTTP API
      worker   writes what the log says into the tables
      prepare  makes or migrates the tables under an owner's role, and ends
      broker   an embedded Kafka broker: in memory, for laptops and tests
      all      broker (unless KAFKA_BROKERS is set), worker and api in one process group

    """
}
