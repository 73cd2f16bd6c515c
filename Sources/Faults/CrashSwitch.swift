package import EventLoop
import Foundation

/// Counts how often its point is reached, and ends the process there. Where `CRASH_AT` is set it stands at the seams of
/// the process.
///
///     worker   fold ─▶ worker-before-commit ─▶ tables ─▶ worker-after-commit
///     api      gate ─▶ api-after-gate ─▶ log out … answer ─▶ api-after-publish ─▶ the caller
@LoopActor
package final class CrashSwitch {
  private let point: CrashPoint
  private var timesLeft: Int

  package init?(_ setting: CrashSetting?) {
    guard let setting else { return nil }
    (point, timesLeft) = (setting.point, setting.time)
  }

  package func reach(_ reached: CrashPoint) {
    guard reached == point else { return }
    timesLeft -= 1
    if timesLeft == 0 { kill(getpid(), SIGKILL) }
  }
}
