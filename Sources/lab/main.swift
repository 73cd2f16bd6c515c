import Foundation

exit(Laboratory.main(Array(CommandLine.arguments.dropFirst())))
