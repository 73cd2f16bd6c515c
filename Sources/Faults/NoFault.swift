/// The control: every use goes on unchanged.
package struct NoFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .none }
}
