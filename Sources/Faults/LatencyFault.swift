/// Every use begins a fixed time later.
package struct LatencyFault: Fault {
  private let delay: Duration
  package init(milliseconds: Int) { delay = .milliseconds(milliseconds) }
  package func effect() -> FaultEffect { .delay(delay) }
}
