/// What Redis said to `MULTI; SCARD k; SADD k u; EXEC`: a proposal. The log decides.
package enum GateReply: Hashable, Sendable {
  /// The person is new to the set and there was room.
  case admitted
  /// The person is new to the set and there was no room: the member has to go again.
  case beyondQuota
  /// The person was in the set already: by another request, another process, or a coupon.
  case member
  /// Nothing was applied, for certain: not sent, or aborted.
  case notAsked
  /// Sent and not answered. It may have been applied, or be applied later; it is not a "no".
  case unknown

  /// SADD is looked at first: a winner who comes again when the set is full is a member, not a loser.
  package init(added: Bool, countBefore: Int, quota: Int) {
    self = !added ? .member : countBefore < quota ? .admitted : .beyondQuota
  }
}
