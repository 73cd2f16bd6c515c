/// The control: everything goes on as it is.
package struct NoFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .none }
}
