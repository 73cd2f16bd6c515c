import CouponLog
import Programs
import Text
import CouponAPI
import CouponCalendar
import CouponDomain
import CouponStore
import EventLoop
import Kafka
import Operations

/// What every strategy has of the log: the list folded from it, the policies of today, the way to write a claim, and the
/// answers that need nothing else.
///
///     log ─▶ own claims ─▶ list ─▶ what each message did ─▶ the strategy
///     request ─▶ its policy, today ─▶ the strategy ─▶ claim ─▶ log
@LoopActor
final class LogView {
  let list: CouponList
  private let key: CouponKey
  private let keyPrefix: String
  private let partitionCount: Int
  private let outlet: any LogOutlet
  private let policies: PolicyCreator
  private let archive: any EventRecords
  private let log: Log
  private let clock: LoopClock
  private let deadLetters: Counter
  private var calendar = PolicyCalendar()
  private var eventIDs = EventIDSource()
  private var ownClaims: OwnClaims
  private var policiesToday: [PolicyToday] = []
  private var placesToday = PolicyPlaces()
  private var stopped: Set<Int> = []
  /// Own claims that came back byte for byte.
  private(set) var ownClaimsRead: UInt64 = 0

  /// Until when the log is known to have been read whole.
  /// Nil where nobody asks, which counts as sure.
  private var contact: LogContact?

  /// Why requests cannot be answered, beyond what the list knows.
  var outsideTrouble: @LoopActor () -> [String] = { [] }

  init(
    key: CouponKey, keyPrefix: String, partitions: Int, outlet: any LogOutlet,
    archive: any EventRecords, clock: LoopClock, context: ProgramContext
  ) {
    (self.key, self.keyPrefix, partitionCount) = (key, keyPrefix, partitions)
    (self.outlet, self.archive, self.clock, log) = (outlet, archive, clock, context.log)
    list = CouponList(partitions: partitions, ledger: LogLedger(key: key, partitions: partitions))
    policies = PolicyCreator(key: key, outlet: outlet, partitions: partitions, clock: clock)
    ownClaims = OwnClaims(partitions: partitions)
    deadLetters = context.metrics.counter(
      "coupon_log_dead_letters_total", help: "Messages of the log without a valid entry.")
    context.metrics.counter("coupon_log_read_total", help: "Messages of the log that this process has read.")
    {
      Double((0..<partitions).reduce(0) { $0 + self.list.nextOffset(of: $1) })
    }
  }

  // MARK: - Policies

  /// The policy with the day that `time` lies in.
  func today(of id: PolicyID, at time: Timestamp) throws(PolicyAbsence) -> PolicyToday {
    let today = if let place = placesToday[id] { policiesToday[place] } else { try begin(id, at: time) }
    do throws(UnknownTimeZone) { try today.move(to: time, &calendar) } catch { throw .unknownZone }
    if let absence = absence(of: today.route.partition) { throw absence }
    return today
  }

  private func begin(_ id: PolicyID, at time: Timestamp) throws(PolicyAbsence) -> PolicyToday {
    let policy = try policy(id)
    let today = PolicyToday(
      policy, route: LogRoute(of: id, partitions: partitionCount), window: try window(of: policy, at: time),
      keyPrefix: keyPrefix)
    placesToday.set(id, to: policiesToday.count)
    policiesToday.append(today)
    return today
  }

  /// The policy, if a request has asked for it.
  func policyAskedFor(_ id: PolicyID) -> Policy? {
    guard let place = placesToday[id] else { return nil }
    return policiesToday[place].policy
  }

  /// A policy of a partition that has been read.
  private func policy(_ id: PolicyID) throws(PolicyAbsence) -> Policy {
    if let absence = absence(of: partition(of: id)) { throw absence }
    guard let policy = list.policy(id) else { throw isCurrent(id) ? .noSuchPolicy : .cutOff }
    return policy
  }

  private func window(of policy: Policy, at time: Timestamp) throws(PolicyAbsence) -> DayWindow {
    do throws(UnknownTimeZone) { return try calendar.window(of: policy, at: time) } catch {
      throw .unknownZone
    }
  }

  private func isReady(_ id: PolicyID) -> Bool { absence(of: partition(of: id)) == nil }

  /// Why nothing can be said of a partition's policies.
  private func absence(of partition: Int) -> PolicyAbsence? {
    switch list.standing(of: partition) {
    case .ready: nil
    case .catchingUp: .catchingUp
    case .stopped: .stopped
    }
  }

  private func partition(of id: PolicyID) -> Int { Int(LogLedger.partition(of: id, of: partitionCount)) }

  /// Whether everything that the log held a moment ago has been read: only then is "there is none" an answer.
  private func isCurrent(_ id: PolicyID) -> Bool { isCurrent(partition(of: id)) }

  private func isCurrent(_ partition: Int) -> Bool {
    contact?.isCurrent(partition, next: list.nextOffset(of: partition), now: clock.now) ?? true
  }

  /// The broker has answered where a partition ends.
  func saw(end: Int64, of partition: Int, askedAt: Instant) {
    var contact = contact ?? LogContact(partitions: partitionCount)
    contact.saw(end: end, of: partition, askedAt: askedAt, next: list.nextOffset(of: partition))
    self.contact = contact
  }

  // MARK: - Writing

  func nextEventID() -> EventID { eventIDs.next() }

  /// The claim of this request under its policy of today.
  func claim(
    _ eventID: EventID, of user: UserID, on day: Day, _ policy: Policy, at time: Timestamp
  ) -> CouponClaim {
    key.claim(eventID, by: user, on: day, of: policy, at: time)
  }

  /// So few requests wait that each sends its claim at once: others to send it with would come too late. A bound of 16 costs a
  /// seventh of the coupons with 32 connections (docs/decisions/0046-asked-where-it-lies.md).
  private static let few = 8

  /// Sends a claim to the log; false where it was not sent and never will be.
  ///
  /// - Parameter waiting: how many requests wait in this process.
  func send(
    _ claim: CouponClaim, at route: LogRoute, ticket: PublishTicket, traceparent: String?, waiting: Int
  ) -> Bool {
    var bytes = ownClaims.takeBuffer()
    LogCodec.encode(claim, to: &bytes)
    guard outlet.publish(bytes, at: route, ticket: ticket, traceparent: traceparent) else {
      ownClaims.forget()
      return false
    }
    ownClaims.add(claim, bytes, partition: route.partition)
    if waiting <= LogView.few { outlet.flush() }
    return true
  }

  /// A delivery failed. True where it was a policy's, and the strategy has nothing to do with it.
  func deliveryFailed(_ ticket: PublishTicket, _ problem: DeliveryProblem) -> Bool {
    if policies.deliveryFailed(ticket, problem) { return true }
    ownClaims.forget()
    return false
  }

  // MARK: - Reading

  func mustReach(_ offset: Int64, in partition: Int) { list.mustReach(offset, in: partition) }

  func stop(_ partition: Int, _ problem: LogProblem) {
    list.stop(partition, problem)
    reportStop(of: partition)
  }

  /// The log is another one, as `partition` shows: nothing of it counts any more.
  func stopAll(_ partition: Int, _ problem: LogProblem) {
    let rest = Set(0..<partitionCount).subtracting(stopped)
    guard !rest.isEmpty else { return }
    for partition in rest { list.stop(partition, problem) }
    stopped.formUnion(rest)
    log.error(
      "all partitions stopped, for the log is another one",
      ["partition": partition, "reason": problem.explanation])
  }

  /// Takes messages in; `heard` is told what each of them did, one after the other.
  func take(_ messages: [KafkaMessage], heard: @LoopActor (LogOutcome) -> Void) {
    for message in messages {
      let partition = Int(message.partition)
      let outcome =
        if let own = ownClaims.take(message.value, partition: partition) {
          takeOwn(own, partition: partition, offset: message.offset)
        } else {
          list.take(LogCodec.read(message.value), partition: partition, offset: message.offset)
        }
      guard let outcome else {
        reportStop(of: partition)
        continue
      }
      switch outcome {
      case .policyCreated(let created): policies.saw(created, first: nil)
      case .duplicatePolicy(let created): policies.saw(created, first: list.policy(created.policy.id))
      case .deadLetter: deadLetters.increment()
      case .issued, .dropped, .stop: break
      }
      heard(outcome)
    }
  }

  private func takeOwn(_ claim: CouponClaim, partition: Int, offset: Int64) -> LogOutcome? {
    ownClaimsRead &+= 1
    return list.take(own: claim, partition: partition, offset: offset)
  }

  /// Once a partition.
  private func reportStop(of partition: Int) {
    guard case .stopped(let problem) = list.standing(of: partition), stopped.insert(partition).inserted
    else { return }
    log.error("a partition stopped", ["partition": partition, "reason": problem.explanation])
  }

  // MARK: - Answers

  func readiness() -> ServiceReadiness {
    var reasons = outsideTrouble()
    var standings = (0..<partitionCount).map { list.standing(of: $0) }
    standings.removeAll { $0 == .ready }
    if standings.contains(.catchingUp) { reasons.append("reading the log") }
    if standings.contains(where: { $0 != .catchingUp }) { reasons.append("the log cannot be read on") }
    return ServiceReadiness(reasons: reasons)
  }

  /// - Parameter issued: how many coupons of a day are out.
  func status(of id: PolicyID, at time: Timestamp, issued: @LoopActor (Day) -> Int) -> PolicyAnswer {
    do throws(PolicyAbsence) {
      let policy = try policy(id)
      let window = try window(of: policy, at: time)
      return .policy(policy, window: window, issued: issued(window.day))
    } catch { return error.answer() }
  }

  /// - Parameter find: the person's latest coupon of a policy that is there.
  func latestCoupon(in id: PolicyID, find: @LoopActor () -> Coupon?) -> CouponAnswer {
    do throws(PolicyAbsence) {
      _ = try policy(id)
      if let coupon = find() { return .coupon(coupon) }
      if !isCurrent(id) { throw .cutOff }
      return .none
    } catch { return error.answer() }
  }

  func events(of policy: PolicyID, after: Int64, limit: Int, deadline: Instant) async -> EventsAnswer {
    let answer = await archive.events(of: policy, after: after, limit: limit, deadline: deadline)
    guard case .events(let events) = answer, events.isEmpty, list.policy(policy) == nil else { return answer }
    return isCurrent(policy) ? .noSuchPolicy : .trouble(.unavailable(reason: Reason.cutOff))
  }

  func create(_ draft: PolicyDraft, deadline: Instant) async -> CreateAnswer {
    await policies.create(
      draft, deadline: deadline, eventID: { self.nextEventID() },
      view: PolicyCreator.View(
        refusal: { self.refusal(of: draft.id) }, find: { self.list.policy($0) },
        policies: { self.list.policies }))
  }

  /// Why no policy can be created. One with an id needs its partition only; to choose one, all must have been read.
  private func refusal(of id: PolicyID?) -> String? {
    let needed = id.map { [partition(of: $0)] } ?? Array(0..<partitionCount)
    for partition in needed {
      if let absence = absence(of: partition) { return absence.reason }
      if !isCurrent(partition) { return Reason.cutOff }
    }
    return nil
  }

  // MARK: - Sets

  /// One policy's set in Redis of one day, and what it ought to hold.
  struct OpenDay {
    let policy: Policy
    let window: DayWindow
    let key: String

    var day: Day { window.day }
  }

  /// Today's sets of the policies whose partition has been read.
  func openDays(at time: Timestamp) -> [OpenDay] {
    list.policies.compactMap { policy in
      guard isReady(policy.id), let window = try? window(of: policy, at: time), policy.isEventDay(window.day)
      else { return nil }
      let key = Names.issuedUsers(of: policy.id, on: window.day, prefix: keyPrefix)
      return OpenDay(policy: policy, window: window, key: key)
    }
  }
}
