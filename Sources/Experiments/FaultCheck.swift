package import Laboratory
package import Scenarios
package import Terminal

extension TimedFault {
  /// Whether what is stopped or killed belongs to this laboratory, and outlives it.
  ///
  /// - Throws: `UsageError` where it could not be done once the run has come to it.
  package func check(_ options: UpOptions) throws(UsageError) {
    let isStop: Bool
    switch fault {
    case .stop: isStop = true
    case .kill, .restart: isStop = false
    case .switched, .flush, .poison, .duplicates: return
    }
    let part = fault.target
    let variable = ["database": "DATABASE_URL", "redis": "REDIS_URL", "kafka": "KAFKA_BROKERS"][part]
    if let variable, options.named(variable) != nil {
      throw problem("\(part) is named by \(variable); only servers that lab starts are broken")
    }
    guard !isStop, part == "kafka", !options.installedKafka else { return }
    throw problem(
      "the embedded broker holds the log in memory and can only be stopped; kafka: installed has one that can be killed"
    )
  }

  private func problem(_ text: String) -> UsageError {
    place?.problem(text) ?? UsageError("\(name): \(text)")
  }
}
