/// The server keeps its connections and answers nothing: whoever asked hears nothing until the own deadline.
package struct HangFault: Fault {
  package init() {}
  package func effect() -> FaultEffect { .silence }
}
