/// Which route a request of the load went to.
package enum Call: UInt8, Hashable, Sendable, CaseIterable {
  case coupon, stays, stay, booking
  /// A holder looks at their coupon.
  case mine
  /// Somebody asks for a coupon of a policy that has been sold out for a while.
  case late

  package var name: String { "\(self)" }
  /// The rest of the platform, which has nothing to do with coupons.
  package var isBystander: Bool { [.stays, .stay, .booking].contains(self) }
}

/// How a request ended, as its client saw it.
package enum Outcome: UInt8, Hashable, Sendable, CaseIterable {
  /// 201: the own request won.
  case created
  /// 200: the coupon that the person held already; for a bystander, any 2xx.
  case existing
  /// 409.
  case soldOut
  /// 403.
  case notOpen
  /// Any other 4xx.
  case refused
  /// 503 `unavailable`: nothing was done.
  case unavailable
  /// 503 `outcome-unknown`.
  case unknown
  /// No answer within the client's own patience.
  case timeout
  /// The connection ended after the request was sent, before its answer.
  case lost
  /// The request never left: no connection.
  case notSent
  /// An answer that the contract does not know: another status, or a body that cannot be read.
  case strange

  package var name: String { "\(self)" }

  /// What the invariants call ok.
  package var isOK: Bool { self == .created || self == .existing }
  /// A decided "no". An outcome that is neither ok nor a refusal is unknown.
  package var isRefusal: Bool { self == .soldOut || self == .notOpen || self == .refused }
  package var isUnknown: Bool { !isOK && !isRefusal }
  /// Whether the answer says that this request left no trace.
  package var saysNothingWasDone: Bool { self == .unavailable || self == .notSent }
}
