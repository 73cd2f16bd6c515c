import EventLoop
import Foundation

Platform.holdStandardDescriptors()
exit(LabProgram.main(Array(CommandLine.arguments.dropFirst())))
