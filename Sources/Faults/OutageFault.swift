/// The server is gone: every use is refused at once. (Existing connections are cut when the fault is switched on.)
package struct OutageFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .now(.refusedByASwitch) }
}
