/// How the event-driven version decides (`COUPON_STRATEGY`), the same in the API and in the worker.
package enum EDAStrategy: Hashable, Sendable {
  /// Redis proposes, the log decides: the default.
  case log
  /// Redis decides and the log only records. `Rollback` says when a slot is given back after a failed send.
  case redis(RedisWay, Rollback)

  /// Every name that the setting takes, the default first. Without a rollback in its name a strategy has the origin
  /// article's: `any-error`.
  package static let names =
    ["log"]
    + RedisWay.allCases.flatMap { way in
      [way.rawValue] + Rollback.allCases.map { "\(way.rawValue):\($0.rawValue)" }
    }

  /// Every name with what it stands for, as `COUPON_STRATEGY` takes them.
  package static let named = names.compactMap { name in
    EDAStrategy(name).map { (name: name, value: $0) }
  }

  /// Nil for a name that is none of `names`.
  package init?(_ name: String) {
    if name == "log" {
      self = .log
      return
    }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    let rollback = parts.count == 1 ? .anyError : Rollback(rawValue: String(parts[1]))
    guard parts.count <= 2, let rollback, let way = parts.first.flatMap({ RedisWay(rawValue: String($0)) })
    else { return nil }
    self = .redis(way, rollback)
  }

  /// Whether the order of the log gives ranks, so that no two coupons of a day may have the same.
  package var isRanked: Bool { self == .log }
}

/// How Redis is asked where it decides.
package enum RedisWay: String, Hashable, Sendable, CaseIterable {
  case transaction = "redis-transaction"
  /// Wrong: three questions, and others in between.
  case scardThenSadd = "redis-scard-sadd"
  case watch = "redis-watch"
  case lua = "redis-lua"
}

/// When a slot is given back (SREM) because its claim was not sent. Each is wrong in a way of its own: Redis and the log
/// are two ledgers, and no order of writing to both is right in every failure.
package enum Rollback: String, Hashable, Sendable, CaseIterable {
  /// On every error: a claim that reached the log after all has lost its slot to another person. One coupon too many.
  case anyError = "any-error"
  /// Only when it is known that nothing was sent: a claim that was lost without a report keeps its slot. One too few.
  case notPersisted = "not-persisted"
  /// Never: every error costs a slot.
  case none
}
