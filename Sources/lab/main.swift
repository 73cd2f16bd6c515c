import EventLoop
import Foundation

Platform.holdStandardDescriptors()
exit(Laboratory.main(Array(CommandLine.arguments.dropFirst())))
