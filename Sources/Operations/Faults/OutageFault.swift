/// The server is not there: refused at once. (Connections that exist are closed when it is switched on.)
package struct OutageFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .refuse }
}
