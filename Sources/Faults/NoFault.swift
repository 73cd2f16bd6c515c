/// The control: every use passes unchanged.
package struct NoFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .none }
}
