package import EventLoop
import Foundation

/// The switch `coupons` of one process: what goes wrong between deciding and recording a coupon.
///
///     decide ─▶ issued ─▶ CouponSeam ─▶ record, COMMIT
///                             ├─▶ crash   the process is gone, the transaction with it
///                             ├─▶ stall   its thread is blocked: no socket, no timer, no operator's call meanwhile
///                             └─▶ error   thrown: nothing is recorded
///
/// A program without an operator's listener has none; while nothing is switched on it costs one comparison.
@LoopActor
package final class CouponSeam: Sendable {
  package private(set) var isClear: Bool
  private let board: FaultBoard

  package init?(_ board: FaultBoard?) {
    guard let board else { return nil }
    self.board = board
    isClear = board.current(.coupons, now: .now).spec == nil
    board.onChange(.coupons) { [weak self] spec in self?.isClear = spec == nil }
  }

  /// A coupon is this person's, and nothing of it is written yet.
  ///
  /// - Throws: `CouponBug`.
  package func decided(_ person: String) throws(CouponBug) {
    guard !isClear else { return }
    switch board.effect(on: person) {
    case .none: return
    case .crash:
      kill(getpid(), SIGKILL)
    // This is the fault: code that blocks the program's only thread, as a careless call does.
    case .block(let time): Thread.sleep(forTimeInterval: time.milliseconds / 1_000)
    case .fail: throw CouponBug()
    }
  }
}
